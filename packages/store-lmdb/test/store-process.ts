/**
 * A shard in a process of its own, which can be killed, stopped and continued; it does what it is told over its channel.
 *
 * The second half of the file is the child: it is forked with the same file.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isEpicError } from '@epicserver/contracts'
import { LmdbStateStore, openDataFolder } from '@epicserver/store-lmdb'
import { openRoot } from '#src/lmdb-open.ts'

/** What a child can be told. */
export type Order =
  | { readonly do: 'open'; readonly path: string; readonly owner?: number }
  | { readonly do: 'write'; readonly id: string; readonly version: number; readonly text: string }
  | { readonly do: 'freezeInTransaction'; readonly path: string }
  | { readonly do: 'lockFolder'; readonly path: string }
  | { readonly do: 'releaseFolder' }
  | { readonly do: 'countForever'; readonly path: string; readonly counters: number }
  | { readonly do: 'close' }

/** What it answers: `done`, or the code of what was refused. */
export interface Answer {
  readonly outcome: string
  readonly message?: string
}

export class StoreProcess {
  readonly #child: ChildProcess
  #isStopped = false

  constructor() {
    this.#child = fork(fileURLToPath(import.meta.url), ['child'], {
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What the child prints, line by line. */
  get output(): AsyncIterable<Buffer> {
    return this.#child.stdout as AsyncIterable<Buffer>
  }

  async tell(order: Order): Promise<Answer> {
    const answered = once(this.#child, 'message')
    this.send(order)
    const [answer] = (await answered) as [Answer]
    return answer
  }

  send(order: Order): void {
    this.#child.send(order)
  }

  /** Stops it, as a hypervisor or a debugger does. */
  stop(): void {
    this.#child.kill('SIGSTOP')
    this.#isStopped = true
  }

  go(): void {
    this.#child.kill('SIGCONT')
    this.#isStopped = false
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    if (this.#isStopped) this.go()
    await exited
  }
}

const open: { store?: LmdbStateStore; lock?: { release(): Promise<void> } } = {}

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'open':
      open.store = await LmdbStateStore.open(order.path, { owner: order.owner })
      break
    case 'write': {
      const entity = { type: 'Thing', id: order.id }
      const guard = { epoch: 1n, version: BigInt(order.version) }
      await open.store?.write(entity, guard, { bytes: Buffer.from(order.text) })
      break
    }
    case 'freezeInTransaction':
      await openRoot(order.path, () => {
        process.send?.({ outcome: 'freezing' })
        // The message is on its way before the process stops in the midst of the transaction.
        process.kill(process.pid, 'SIGSTOP')
      })
      break
    case 'lockFolder':
      open.lock = await (await openDataFolder(order.path)).lock()
      break
    case 'releaseFolder':
      await open.lock?.release()
      break
    case 'countForever':
      await countForever(order.path, order.counters)
      break
    case 'close':
      await open.store?.close()
      break
  }
}

/** Adds one to each of many counters for ever, and prints each value that was acknowledged: `counter value`. */
async function countForever(path: string, counters: number): Promise<void> {
  const store = await LmdbStateStore.open(path)
  const count = async (counter: number): Promise<void> => {
    const entity = { type: 'Counter', id: `${counter}` }
    const { version, bytes } = await store.claim(entity, BigInt(store.owner))
    let value = bytes === null ? 0 : Number(bytes.toString())
    for (let at = version; ; value += 1) {
      const guard = { epoch: BigInt(store.owner), version: at }
      at = await store.write(entity, guard, { bytes: Buffer.from(`${value + 1}`) })
      // Written at once, so that a kill loses nothing that was said.
      writeSync(1, `${counter} ${value + 1}\n`)
    }
  }
  await Promise.all(Array.from({ length: counters }, (_, counter) => count(counter)))
}

if (process.argv[2] === 'child') {
  process.on('message', (order: Order) => {
    obey(order).then(
      () => process.send?.({ outcome: 'done' }),
      (error: unknown) => {
        const outcome = isEpicError(error) ? error.code : 'failed'
        process.send?.({ outcome, message: error instanceof Error ? error.message : String(error) })
      },
    )
  })
}
