/**
 * An app that runs under `epic run` in processes of its own, for programs that test or measure it from outside.
 *
 * It starts the command, waits until a node takes calls, and asks it things over its control socket. What the app prints is handed on
 * line by line; nothing is kept, so an app that prints much costs no memory here.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import {
  ControlClient,
  runFolderFor,
  type ControlAnswer,
  type ControlRequest,
} from '@epicserver/runtime/host'

/** What to run, and how. */
export interface RunningAppOptions {
  /** The file whose default export is the app. */
  readonly app: string
  readonly data: string
  readonly processes?: number
  /** Put before the command: where it runs, as in `['ip', 'netns', 'exec', 'host-1']`. */
  readonly command?: readonly string[]
  /** Further arguments of `epic run`. */
  readonly args?: readonly string[]
  /** Each line that the app prints, its own and the log's. */
  readonly onLine?: (line: string) => void
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One node process, as its supervisor sees it. */
export interface NodeStatus {
  readonly slot: number
  readonly pid: number | null
  readonly node: string | null
  readonly state: 'starting' | 'serving' | 'stopping' | 'down'
  readonly restarts: number
}

export class RunningApp {
  readonly #process: ChildProcess
  readonly #client: ControlClient
  /** Resolves when the supervisor has ended. */
  readonly ended: Promise<ProcessEnd>

  /**
   * Resolves when the app takes calls.
   * @throws Error with the last lines that it printed, when it ends before that
   */
  static async start(options: RunningAppOptions): Promise<RunningApp> {
    const [program, ...args] = [...(options.command ?? []), ...commandFor(options)] as [string]
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = new Promise<ProcessEnd>((resolveEnd) => {
      child.once('exit', (code, signal) => resolveEnd({ code, signal }))
    })
    const lastLines: string[] = []
    await new Promise<void>((serves, fails) => {
      const handleLine = (line: string): void => {
        if (line.startsWith('{"serving":')) serves()
        if (lastLines.push(line) > LINES_SHOWN) lastLines.shift()
        options.onLine?.(line)
      }
      const printed = [child.stdout, child.stderr].map((stream) => readLines(stream, handleLine))
      void Promise.all([ended, ...printed]).then(([{ code, signal }]) =>
        fails(
          new Error(
            `The app ended with ${signal ?? code} before it served:\n${lastLines.join('\n')}`,
          ),
        ),
      )
    })
    const client = await ControlClient.connect(
      join(runFolderFor(resolve(options.data)), 'control.sock'),
    )
    return new RunningApp(child, client, ended)
  }

  private constructor(child: ChildProcess, client: ControlClient, ended: Promise<ProcessEnd>) {
    this.#process = child
    this.#client = client
    this.ended = ended
  }

  /** The supervisor's. */
  get pid(): number {
    return this.#process.pid as number
  }

  ask(request: ControlRequest): Promise<ControlAnswer> {
    return this.#client.ask(request)
  }

  async nodes(): Promise<readonly NodeStatus[]> {
    const answer = await this.ask({ ask: 'status' })
    if (!answer.ok) throw new Error(answer.error.message)
    return answer.value as readonly NodeStatus[]
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Stops it in good order. */
  async stop(): Promise<ProcessEnd> {
    this.kill('SIGTERM')
    const end = await this.ended
    this.#client.close()
    return end
  }
}

const LINES_SHOWN = 20

function commandFor({ app, data, processes, args = [] }: RunningAppOptions): string[] {
  return [
    process.execPath,
    fileURLToPath(new URL('./main.js', import.meta.url)),
    'run',
    app,
    '--json',
    '--data',
    data,
    ...(processes === undefined ? [] : ['--processes', String(processes)]),
    ...args,
  ]
}

function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolveEnd) => {
    createInterface({ input: stream, crlfDelay: Infinity })
      .on('line', onLine)
      .once('close', resolveEnd)
  })
}
