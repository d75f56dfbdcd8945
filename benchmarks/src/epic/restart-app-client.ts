/**
 * The app of the bench `restart`, run by `epic run` in processes of its own: filled once, then killed in part or whole and asked until
 * it answers.
 *
 * It is asked over its control socket, as `epic call` does, so what is measured is what somebody outside would wait.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RunningApp } from '@epicserver/cli'

interface Read {
  readonly count: number
  readonly pid: number
}

const app = fileURLToPath(new URL('./restart-app.js', import.meta.url))
const FILLED_AT_ONCE = 1_000
const GIVEN_UP_AFTER_MS = 60_000
/** Between two tries; a call that finds its entity's home gone is answered at once. */
const PAUSE_MS = 1

export class RestartApp {
  readonly #data: string
  readonly #processes: number
  readonly #entities: number
  #running: RunningApp
  #asked = 0

  /** Starts the app over an empty folder and saves so many entities. */
  static async start(data: string, processes: number, entities: number): Promise<RestartApp> {
    const running = await RunningApp.start({ app, data, processes })
    const started = new RestartApp(running, { data, processes, entities })
    for (let from = 0; from < entities; from += FILLED_AT_ONCE) {
      await started.#call('Filler', '0', 'fill', [from, FILLED_AT_ONCE])
    }
    return started
  }

  private constructor(
    running: RunningApp,
    options: { readonly data: string; readonly processes: number; readonly entities: number },
  ) {
    this.#running = running
    this.#data = options.data
    this.#processes = options.processes
    this.#entities = options.entities
  }

  /** Kills one of the node processes; the time until an entity that lived in it answers from another. */
  async killNode(): Promise<number> {
    await this.#allServe()
    const id = this.#nextId()
    const { pid } = await this.#read(id)
    const killedAt = performance.now()
    process.kill(pid, 'SIGKILL')
    await this.#answered(id, (read) => read.pid !== pid)
    return performance.now() - killedAt
  }

  /** Kills the supervisor, and its nodes with it, and starts the app again: the time until an entity answers. */
  async killAll(): Promise<number> {
    const killedAt = performance.now()
    this.#running.kill('SIGKILL')
    await this.#running.ended
    this.#running = await RunningApp.start({
      app,
      data: this.#data,
      processes: this.#processes,
    })
    await this.#answered(this.#nextId(), () => true)
    return performance.now() - killedAt
  }

  async stop(): Promise<void> {
    await this.#running.stop()
  }

  async #answered(id: string, isMeant: (read: Read) => boolean): Promise<void> {
    const giveUpAt = performance.now() + GIVEN_UP_AFTER_MS
    for (;;) {
      const read = await this.#read(id).catch((error: unknown) => {
        if (performance.now() > giveUpAt) throw error
        return undefined
      })
      if (read !== undefined && isMeant(read)) {
        if (read.count !== 1) throw new Error(`Counter/${id} was saved at 1 and is ${read.count}`)
        return
      }
      await pause(PAUSE_MS)
    }
  }

  async #allServe(): Promise<void> {
    for (;;) {
      const nodes = await this.#running.nodes()
      if (nodes.filter(({ state }) => state === 'serving').length === this.#processes) return
      await pause(10)
    }
  }

  async #read(id: string): Promise<Read> {
    return (await this.#call('Counter', id, 'read', [])) as Read
  }

  async #call(
    type: string,
    id: string,
    operation: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    const answer = await this.#running.ask({ ask: 'call', type, id, operation, args })
    if (!answer.ok) throw new Error(`${type}/${id}.${operation}: ${answer.error.message}`)
    return answer.value
  }

  /** Another one each time, in no order: 7,919 is prime. */
  #nextId(): string {
    this.#asked += 1
    return String((this.#asked * 7_919) % this.#entities)
  }
}
