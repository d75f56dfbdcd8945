/**
 * An example under `epic run`, in processes of its own, over a data folder that the test removes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RunningApp } from '@epicserver/cli'

/**
 * Renewals are late on a machine that runs many tests at once; how soon a frozen node is noticed is
 * tested elsewhere.
 */
const LEASE_MS = 20_000

export class RunningExample {
  readonly app: RunningApp
  readonly #printed: Printed

  private constructor(app: RunningApp, printed: Printed) {
    this.app = app
    this.#printed = printed
  }

  /** Starts the app as it is written, TypeScript and all; ends it with the test. */
  static async start(context: TestContext, name: string): Promise<RunningExample> {
    const data = await mkdtemp(join(tmpdir(), `epic-${name}-`))
    const printed = new Printed()
    const app = await RunningApp.start({
      app: fileURLToPath(new URL(`../${name}/src/app.ts`, import.meta.url)),
      data,
      processes: 2,
      args: ['--lease-ms', String(LEASE_MS)],
      onLine: (line) => printed.add(line),
    })
    void app.ended.then(() => printed.end())
    context.after(async () => {
      await app.stop()
      await rm(data, { recursive: true, force: true })
    })
    return new RunningExample(app, printed)
  }

  /** All lines that were printed so far. */
  get lines(): readonly string[] {
    return this.#printed.lines
  }

  /**
   * The first line that matches, whether it was printed before or will be.
   * @throws Error with the last lines when the app ends without having printed it
   */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for await (const line of this.#printed) {
      const match = pattern.exec(line)
      if (match !== null) return match
    }
    const last = this.lines.slice(-20).join('\n')
    throw new Error(`The app ended without printing ${String(pattern)}:\n${last}`)
  }
}

/** Lines, to be read from the first one on, as often as one likes, also while they come. */
class Printed implements AsyncIterable<string> {
  readonly lines: string[] = []
  readonly #waiting: (() => void)[] = []
  #hasEnded = false

  add(line: string): void {
    this.lines.push(line)
    this.#wakeAll()
  }

  end(): void {
    this.#hasEnded = true
    this.#wakeAll()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    for (let next = 0; ; next += 1) {
      while (next >= this.lines.length && !this.#hasEnded) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
      if (next >= this.lines.length) return
      yield this.lines[next]
    }
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
