/**
 * One trial: an app, counters under load, whatever a scenario does to it meanwhile, and the audit at the end. What runs the app (one
 * supervisor, or several on hosts of their own) is for the kinds of trials to say.
 *
 * The data lies in the checkout, on the disk that everything else is on: a folder in memory would make `fdatasync` free and prove
 * nothing. The app's log lies beside it; both are kept when something was found.
 */
import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SeededRandom } from '@epicserver/testkit'
import { audit, CounterPage, type Findings } from './ledger.ts'
import {
  attemptTo,
  Load,
  pause,
  type AppSource,
  type Answered,
  type LoadOptions,
  type Question,
} from './load.ts'

export interface TrialOptions {
  readonly seed: number
  /** Nodes of each machine. */
  readonly processes: number
  readonly leaseMs: number
  readonly counters: number
  readonly inFlight: number
  /** Whether the data folder and the log stay in any case. */
  readonly isKept: boolean
  readonly onAnswer?: LoadOptions['onAnswer']
  readonly onOutcome?: LoadOptions['onOutcome']
  readonly isAvoided?: LoadOptions['isAvoided']
  /** Told of each line of the app's log. */
  readonly onLine?: (line: string) => void
}

/** The processes of an app's nodes. */
export interface Pids {
  readonly serving: number[]
  readonly starting: number[]
}

/** The file of the app that everything is done to. */
export const COUNTERS_APP: string = fileURLToPath(
  new URL('../../../src/chaos/counters-app.ts', import.meta.url),
)

/** A folder for a trial. */
export async function makeTrialFolder(): Promise<string> {
  const parent = fileURLToPath(new URL('../../../../temp/', import.meta.url))
  await mkdir(parent, { recursive: true })
  return await mkdtemp(join(parent, 'chaos-'))
}

/** What every scenario is given, and tells at the end. */
export abstract class Trial implements AppSource {
  readonly options: TrialOptions
  readonly folder: string
  readonly random: SeededRandom
  readonly pages: readonly CounterPage[]
  readonly #log: WriteStream
  load: Load

  protected constructor(options: TrialOptions, folder: string) {
    this.options = options
    this.folder = folder
    this.random = new SeededRandom(options.seed)
    this.pages = Array.from(
      { length: options.counters },
      (_, index) => new CounterPage(index % 2 === 0 ? 'Counter' : 'PlainCounter', String(index)),
    )
    this.#log = createWriteStream(join(folder, 'app.log'))
    this.load = this.#newLoad(0)
  }

  abstract ask(question: Question): Promise<Answered>

  abstract pids(): Promise<Pids>

  /** Resolves when all nodes take calls. */
  abstract allServe(): Promise<void>

  /** Stops the app in good order. */
  protected abstract stop(): Promise<void>

  /** Begins the load, over counters of which it is known where they live. */
  protected async beginLoad(): Promise<void> {
    await this.locateAll()
    this.load = this.#newLoad(this.options.inFlight)
  }

  /** What the app printed. */
  protected handleLine(line: string): void {
    this.#log.write(`${line}\n`)
    this.options.onLine?.(line)
  }

  /** Ends the load, reads every counter, stops the app, and compares. */
  async finish(): Promise<Findings> {
    await this.load.stop()
    const finals = new Map<CounterPage, number>()
    await Promise.all(
      this.pages.map(async (page) => {
        const final = await this.#read(page)
        if (final !== undefined) finals.set(page, final)
      }),
    )
    await this.stop()
    return audit(this.pages, finals)
  }

  async close(hasProblems: boolean): Promise<void> {
    await new Promise((resolve) => this.#log.end(resolve))
    if (!hasProblems && !this.options.isKept)
      await rm(this.folder, { recursive: true, force: true })
  }

  /** Calls the whole population, so that it is known who lives where. */
  async locateAll(): Promise<void> {
    for (const counter of this.pages) {
      const attempt = await attemptTo(this, 'read', { counter })
      if (attempt.kind === 'told') counter.pid = attempt.told.pid
    }
  }

  #newLoad(inFlight: number): Load {
    const { pages, random, options } = this
    return new Load({
      source: this,
      pages,
      inFlight,
      random,
      isAvoided: options.isAvoided,
      ...(options.onAnswer && { onAnswer: options.onAnswer }),
      ...(options.onOutcome && { onOutcome: options.onOutcome }),
    })
  }

  async #read(page: CounterPage): Promise<number | undefined> {
    for (let attempts = 0; attempts < FINAL_READS_MAX; attempts += 1) {
      const attempt = await attemptTo(this, 'read', { counter: page })
      if (attempt.kind === 'told') return attempt.told.count
      await pause(FINAL_PAUSE_MS)
    }
    return undefined
  }
}

const FINAL_READS_MAX = 100
const FINAL_PAUSE_MS = 100
