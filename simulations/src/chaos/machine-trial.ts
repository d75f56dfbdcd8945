/** A trial of an app on this machine: one supervisor over one data folder. */
import { join } from 'node:path'
import { RunningApp } from '@epicserver/cli'
import { pause, type Answered, type Question } from './load.ts'
import { COUNTERS_APP, makeTrialFolder, Trial, type Pids, type TrialOptions } from './trial.ts'

export interface MachineTrialOptions extends TrialOptions {
  /** Where the data lies; a new folder in the checkout without it. */
  readonly dataFolder?: string
}

const WAIT_MS = 50

export class MachineTrial extends Trial {
  readonly data: string
  #app: Promise<RunningApp>
  #running: RunningApp | undefined

  static async begin(options: MachineTrialOptions): Promise<MachineTrial> {
    const trial = new MachineTrial(options, await makeTrialFolder())
    await trial.#app
    await trial.beginLoad()
    return trial
  }

  private constructor(options: MachineTrialOptions, folder: string) {
    super(options, folder)
    this.data = options.dataFolder ?? join(folder, 'data')
    this.#app = this.#start()
    process.once('exit', () => this.#running?.kill('SIGKILL'))
  }

  async ask(question: Question): Promise<Answered> {
    const app = await this.#app
    return await app.ask(question)
  }

  async pids(): Promise<Pids> {
    return pidsOf(await this.#app)
  }

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

  protected async stop(): Promise<void> {
    const app = await this.#app
    await app.stop()
  }

  async #start(): Promise<RunningApp> {
    const { processes, leaseMs } = this.options
    this.#running = await RunningApp.start({
      app: COUNTERS_APP,
      data: this.data,
      processes,
      args: ['--lease-ms', String(leaseMs), '--log-level', 'debug'],
      onLine: (line) => this.handleLine(line),
    })
    return this.#running
  }
}

/** The processes of one supervisor's nodes. */
export async function pidsOf(app: RunningApp): Promise<Pids> {
  const nodes = await app.nodes()
  const inState = (wanted: string): number[] =>
    nodes.flatMap(({ state, pid }) => (state === wanted && pid !== null ? [pid] : []))
  return { serving: inState('serving'), starting: inState('starting') }
}
