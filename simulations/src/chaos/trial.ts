/**
 * One trial: an app over an empty data folder, counters under load, whatever a scenario does to it meanwhile, and the audit at the end.
 *
 * The data folder lies in the checkout, on the disk that everything else is on: a folder in memory would make `fdatasync` free and prove
 * nothing. The app's log lies beside it; both are kept when something was found.
 */
import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RunningApp } from '@epicserver/cli'
import { SeededRandom } from '@epicserver/testkit'
import { audit, CounterPage, type Findings } from './ledger.ts'
import { attemptTo, Load, pause, type AppSource, type LoadOptions } from './load.ts'

export interface TrialOptions {
  readonly seed: number
  readonly processes: number
  readonly leaseMs: number
  readonly counters: number
  readonly inFlight: number
  /** Whether the data folder and the log stay in any case. */
  readonly isKept: boolean
  /** Where the data lies; a new folder in the checkout without it. */
  readonly dataFolder?: string
  readonly onAnswer?: LoadOptions['onAnswer']
  /** Told of each line of the app's log. */
  readonly onLine?: (line: string) => void
}

/** What every scenario is given, and tells at the end. */
export class Trial implements AppSource {
  readonly options: TrialOptions
  readonly folder: string
  readonly data: string
  readonly random: SeededRandom
  readonly pages: readonly CounterPage[]
  readonly #log: WriteStream
  #app: Promise<RunningApp>
  #running: RunningApp | undefined
  load: Load

  static async begin(options: TrialOptions): Promise<Trial> {
    const parent = fileURLToPath(new URL('../../../../temp/', import.meta.url))
    await mkdir(parent, { recursive: true })
    const trial = new Trial(options, await mkdtemp(join(parent, 'chaos-')))
    await trial.app()
    await trial.locateAll()
    trial.load = trial.#newLoad(options.inFlight)
    return trial
  }

  private constructor(options: TrialOptions, folder: string) {
    this.options = options
    this.folder = folder
    this.data = options.dataFolder ?? join(folder, 'data')
    this.random = new SeededRandom(options.seed)
    this.pages = Array.from(
      { length: options.counters },
      (_, index) => new CounterPage(index % 2 === 0 ? 'Counter' : 'PlainCounter', String(index)),
    )
    this.#log = createWriteStream(join(folder, 'app.log'))
    this.#app = this.#start()
    process.once('exit', () => this.#running?.kill('SIGKILL'))
    this.load = this.#newLoad(0)
  }

  app(): Promise<RunningApp> {
    return this.#app
  }

  /** The processes of the app's nodes. */
  async pids(): Promise<{ readonly serving: number[]; readonly starting: number[] }> {
    const nodes = await (await this.#app).nodes()
    const inState = (wanted: string): number[] =>
      nodes.flatMap(({ state, pid }) => (state === wanted && pid !== null ? [pid] : []))
    return { serving: inState('serving'), starting: inState('starting') }
  }

  /** Resolves when all nodes take calls. */
  async allServe(): Promise<void> {
    while ((await this.pids()).serving.length < this.options.processes) await pause(WAIT_MS)
  }

  /** Kills the supervisor and starts the app again over the same data; who asks meanwhile waits. */
  async killAndRestart(): Promise<void> {
    const app = await this.#app
    app.kill('SIGKILL')
    this.#app = app.ended.then(() => this.#start())
    await this.#app
  }

  /** Ends the load, reads every counter, and compares. */
  async finish(): Promise<Findings> {
    await this.load.stop()
    const finals = new Map<CounterPage, number>()
    await Promise.all(
      this.pages.map(async (page) => {
        const final = await this.#read(page)
        if (final !== undefined) finals.set(page, final)
      }),
    )
    const app = await this.#app
    await app.stop()
    return audit(this.pages, finals)
  }

  async close(hasProblems: boolean): Promise<void> {
    await new Promise((resolve) => this.#log.end(resolve))
    if (!hasProblems && !this.options.isKept)
      await rm(this.folder, { recursive: true, force: true })
  }

  #newLoad(inFlight: number): Load {
    const { pages, random, options } = this
    return new Load({
      source: this,
      pages,
      inFlight,
      random,
      ...(options.onAnswer && { onAnswer: options.onAnswer }),
    })
  }

  /** Calls the whole population, so that it is known who lives where. */
  async locateAll(): Promise<void> {
    for (const counter of this.pages) {
      const attempt = await attemptTo(this, 'read', { counter })
      if (attempt.kind === 'told') counter.pid = attempt.told.pid
    }
  }

  async #start(): Promise<RunningApp> {
    const { processes, leaseMs } = this.options
    this.#running = await RunningApp.start({
      app: fileURLToPath(new URL('../../../src/chaos/counters-app.ts', import.meta.url)),
      data: this.data,
      processes,
      args: ['--lease-ms', String(leaseMs), '--log-level', 'debug'],
      onLine: (line) => {
        this.#log.write(`${line}\n`)
        this.options.onLine?.(line)
      },
    })
    return this.#running
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

const WAIT_MS = 50
const FINAL_READS_MAX = 100
const FINAL_PAUSE_MS = 100
