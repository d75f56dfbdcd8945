/**
 * The end of a process that must not wait for anything.
 *
 * `process.exit()` is not that: it waits for the threads of Node's pool, and a thread that writes to LMDB may be waiting for a callback
 * that only this thread could run. Such a process would stay for ever and keep its store locked. A killed process keeps nothing,
 * and what it leaves behind is what every crash leaves: all that was acknowledged, and nothing by halves.
 */

/** Ends this process now, as `kill -9` does. */
export function endAtOnce(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is on its way; nothing more may happen until it is here.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
