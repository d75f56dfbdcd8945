/**
 * A program that is not ours, started for a measurement and certainly ended after it.
 *
 * Its output is read line by line, for those that speak on it; the last lines are kept, because a
 * program that ends when it should not has usually said why. It is killed, not asked to stop: its
 * data is thrown away anyhow.
 */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

const keptLinesMax = 5
const pollEveryMs = 50
const startMsMax = 30_000

export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export class ForeignProgram {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #command: string
  readonly #killWithParent = (): void => void this.#child.kill('SIGKILL')
  #lastLines: string[] = []
  #lineWaiter: ((line: string) => void) | undefined

  /** @throws Error when there is no such program. */
  static async start(
    command: string,
    args: readonly string[],
    options: ProgramOptions = {},
  ): Promise<ForeignProgram> {
    const env = { ...process.env, ...options.env }
    const child = spawn(command, args, { cwd: options.cwd, env, stdio: 'pipe' })
    try {
      await once(child, 'spawn')
    } catch (error) {
      throw new Error(`"${command}" cannot be started`, { cause: error })
    }
    return new ForeignProgram(command, child)
  }

  private constructor(command: string, child: ChildProcessWithoutNullStreams) {
    this.#command = command.replace(/^.*\//, '')
    this.#child = child
    // Writing to a program that has just ended fails; `ask` reports the end itself.
    child.stdin.on('error', (error) => this.#keep(error.message))
    createInterface(child.stderr).on('line', (line) => this.#keep(line))
    createInterface(child.stdout).on('line', (line) => {
      this.#keep(line)
      this.#lineWaiter?.(line)
    })
    process.once('exit', this.#killWithParent)
  }

  /** Resolves when `isReady` does so with true. */
  async whenReady(isReady: () => Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + startMsMax
    while (!(await isReady())) {
      if (this.#hasEnded) throw this.#endedError()
      if (performance.now() > giveUpAt) {
        throw new Error(`${this.#command} was not ready after ${startMsMax} ms`)
      }
      await delay(pollEveryMs)
    }
  }

  /** The next line on its standard output, after writing `line`, if any, to its standard input. */
  async ask(line?: string): Promise<string> {
    if (this.#hasEnded) throw this.#endedError()
    const ended = new AbortController()
    const exited = once(this.#child, 'close', { signal: ended.signal })
    const answered = new Promise<string>((resolve) => {
      this.#lineWaiter = resolve
    })
    if (line !== undefined) this.#child.stdin.write(`${line}\n`)
    try {
      return await Promise.race([answered, exited.then(() => Promise.reject(this.#endedError()))])
    } finally {
      this.#lineWaiter = undefined
      ended.abort()
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#killWithParent)
    if (this.#hasEnded) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #keep(line: string): void {
    this.#lastLines = [...this.#lastLines, line].slice(-keptLinesMax)
  }

  #endedError(): Error {
    return new Error([`${this.#command} ended`, ...this.#lastLines].join(': '))
  }
}

/** A port of the loopback interface that nobody listens on just now. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whether this address answers with success; nobody listening yet is a no. */
export function answersHttp(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  )
}
