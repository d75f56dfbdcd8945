/**
 * The app of the bench `locality`, run by `epic run` on two processes, with pairs of talkers that begin apart: each of a pair in
 * another process.
 */

import { fileURLToPath } from 'node:url'
import { RunningApp } from '@epicserver/cli'

const app = fileURLToPath(new URL('./talk-app.js', import.meta.url))
const PROCESSES = 2
const CANDIDATES = 400
/** Rounds of talk in which the pairs have to find together. */
const ROUNDS_MAX = 60

/** Who calls, and who is called. */
type Pair = readonly [caller: string, called: string]

export class TalkApp {
  readonly #running: RunningApp
  readonly #pairs: readonly Pair[]

  /** Starts the app; every `balanceMs` its nodes look who should live elsewhere, or never with 0. */
  static async start(data: string, pairs: number, balanceMs: number): Promise<TalkApp> {
    const running = await RunningApp.start({
      app,
      data,
      processes: PROCESSES,
      args: ['--balance-ms', String(balanceMs), '--production'],
    })
    const ids = Array.from({ length: CANDIDATES }, (_, i) => String(i))
    const places = await Promise.all(ids.map((id) => call(running, id, 'where')))
    const here = ids.filter((_, i) => places[i] === places[0]).slice(0, pairs)
    const there = ids.filter((_, i) => places[i] !== places[0]).slice(0, pairs)
    if (here.length < pairs || there.length < pairs)
      throw new Error(`There are too few talkers for ${pairs} pairs apart`)
    return new TalkApp(
      running,
      here.map((id, i) => [id, there[i] as string]),
    )
  }

  private constructor(running: RunningApp, pairs: readonly Pair[]) {
    this.#running = running
    this.#pairs = pairs
  }

  /** All pairs talk for so long: calls a second. */
  async talk(durationMs: number): Promise<number> {
    const counts = await Promise.all(
      this.#pairs.map(([caller, called]) =>
        call(this.#running, caller, 'talk', [called, durationMs]),
      ),
    )
    const sum = counts.reduce<number>((total, count) => total + (count as number), 0)
    return (sum * 1_000) / durationMs
  }

  /** How many pairs live in one process. */
  async together(): Promise<number> {
    const isTogether = await Promise.all(
      this.#pairs.map(async (pair) => {
        const [one, other] = await Promise.all(pair.map((id) => call(this.#running, id, 'where')))
        return one === other
      }),
    )
    return isTogether.filter(Boolean).length
  }

  /** Lets the pairs talk until they have found together. */
  async findTogether(durationMs: number): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      await this.talk(durationMs)
      if ((await this.together()) === this.#pairs.length) return
    }
    throw new Error(`${await this.together()} of ${this.#pairs.length} pairs found together`)
  }

  async stop(): Promise<void> {
    await this.#running.stop()
  }
}

async function call(
  running: RunningApp,
  id: string,
  operation: string,
  args: readonly unknown[] = [],
): Promise<unknown> {
  const answer = await running.ask({ ask: 'call', type: 'Talker', id, operation, args })
  if (!answer.ok) throw new Error(`Talker/${id}.${operation}: ${answer.error.message}`)
  return answer.value
}
