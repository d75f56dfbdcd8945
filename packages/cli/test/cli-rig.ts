/** What the tests of the command share: running it, apps written for one test, and waiting for what a running app says. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RunningApp } from '#src/running-app.ts'

export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Inside the checkout, so that apps find the packages that they import. */
const TEMP = fileURLToPath(new URL('../../../temp/', import.meta.url))

/**
 * Renewals are late on a machine that runs many tests at once; a test that is about leases sets its
 * own.
 */
const LEASE_MS = 20_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command to its end. */
export function epic(...args: readonly string[]): Promise<Ended> {
  return epicIn({}, ...args)
}

/** The same, in an environment with more in it. */
export function epicIn(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: '0', ...environment },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** A folder for one test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  await mkdir(TEMP, { recursive: true })
  const folder = await mkdtemp(join(TEMP, 'cli-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Writes an app into a folder; its classes come from the runtime, as `epicserver` hands them on. */
export async function writeApp(folder: string, source: string, name = 'app.ts'): Promise<string> {
  const file = join(folder, name)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(
    file,
    `import { defineApp, Entity, settings, type Ref } from '@epicserver/runtime'\n${source}`,
  )
  return file
}

/** An app under test: what it printed, and promises of what it will print. */
export class AppUnderTest {
  readonly lines: string[] = []
  readonly #awaited = new Set<{
    readonly pattern: RegExp
    readonly found: (line: string) => void
  }>()
  readonly data: string
  #app: RunningApp | undefined

  constructor(data: string) {
    this.data = data
  }

  static async start(
    t: TestContext,
    app: string,
    options: {
      readonly data: string
      readonly processes?: number
      readonly command?: readonly string[]
      readonly args?: readonly string[]
    },
  ): Promise<AppUnderTest> {
    const tested = new AppUnderTest(options.data)
    tested.#app = await RunningApp.start({
      app,
      ...options,
      args: ['--lease-ms', String(LEASE_MS), ...(options.args ?? [])],
      onLine: (line) => tested.#handle(line),
    })
    t.after(() => {
      tested.app.kill('SIGKILL')
      return tested.app.ended
    })
    return tested
  }

  get app(): RunningApp {
    return this.#app as RunningApp
  }

  /** Resolves with the first line that matches and is printed from now on. */
  line(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      const awaited = {
        pattern,
        found: (line: string) => {
          this.#awaited.delete(awaited)
          resolve(line)
        },
      }
      this.#awaited.add(awaited)
    })
  }

  /** Resolves once as many nodes serve. */
  async allServe(count: number): Promise<void> {
    for (;;) {
      const more = this.line(/"node serves"/)
      const nodes = await this.app.nodes()
      if (nodes.filter(({ state }) => state === 'serving').length >= count) return
      await more
    }
  }

  /** @throws Error with what the operation threw */
  async call(entity: string, operation: string, ...args: readonly unknown[]): Promise<unknown> {
    const [type, id] = entity.split('/') as [string, string]
    const answer = await this.app.ask({ ask: 'call', type, id, operation, args })
    if (answer.ok) return answer.value
    throw Object.assign(new Error(answer.error.message), answer.error)
  }

  #handle(line: string): void {
    this.lines.push(line)
    for (const { pattern, found } of [...this.#awaited]) if (pattern.test(line)) found(line)
  }
}

/** Whether a process is there; one that has ended, and whose parent did not ask for its end yet, is not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const stat = process.platform === 'linux' ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
    return !/\) Z /.test(stat)
  } catch {
    return false // there is no such process, which is the answer
  }
}
