/**
 * A probe: a process of its own that measures when asked.
 *
 * The idea: what is measured, the load on it and the bench that compares stay out of each other's
 * heap, compiler state and event loop. A probe lives through all rounds of a comparison, so that it
 * is warm, and sits idle while the other side has its turn.
 *
 * The asking side holds a `Probe`; the program that it starts calls `serveProbe` (serve-probe.ts).
 * They speak over Node's own channel for child processes, one question at a time. A probe ends when
 * its parent does, because the channel closes then.
 */

import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { nodeEnvironment } from '@epicserver/runtime/host'
import { type Load, type Measured } from './closed-loop.ts'
import { type ProbeAnswer } from './serve-probe.ts'

export class Probe {
  readonly #child: ChildProcess
  readonly #program: string

  /** Starts a compiled program that calls `serveProbe` and waits until it does. */
  static async start(program: URL, args: readonly string[] = []): Promise<Probe> {
    const child = fork(program, args, {
      // Baselines, too, have what `epic run` gives its nodes.
      env: nodeEnvironment(),
      execArgv: [],
      stdio: ['ignore', 2, 'inherit', 'ipc'],
    })
    const probe = new Probe(child, program)
    const answer = await probe.#nextAnswer()
    assert('ready' in answer, `${probe.#program} answered before it was ready`)
    return probe
  }

  private constructor(child: ChildProcess, program: URL) {
    this.#child = child
    this.#program = program.pathname.replace(/^.*\//, '')
  }

  async measure(load: Load): Promise<Measured> {
    const answer = this.#nextAnswer()
    this.#child.send(load)
    const received = await answer
    assert('measured' in received, `${this.#program} said "ready" twice`)
    return received.measured
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }

  /** @throws Error when the probe reports one, or ends. */
  async #nextAnswer(): Promise<Exclude<ProbeAnswer, { error: string }>> {
    const listening = new AbortController()
    const { signal } = listening
    const answered = once(this.#child, 'message', { signal }) as Promise<[ProbeAnswer]>
    const exited = once(this.#child, 'exit', { signal })
    try {
      const answer = await Promise.race([
        answered.then(([message]) => message),
        exited.then(([code, killedBy]): ProbeAnswer => ({
          error: `ended with ${killedBy ?? code}`,
        })),
      ])
      if ('error' in answer) throw new Error(`${this.#program}: ${answer.error}`)
      return answer
    } finally {
      listening.abort()
    }
  }
}
