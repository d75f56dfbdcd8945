/**
 * Machines on one link, as network namespaces: each has a network stack of its own, joined to the others by a bridge. What they send stays
 * in there. Only root can make them.
 */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('./lan-process.js', import.meta.url))

/** Why there are no namespaces here, where there are none. */
export async function missingNamespaces(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'only root can make network namespaces'
  const name = `epic-probe-${process.pid}`
  try {
    await run('ip', ['netns', 'add', name])
    await run('ip', ['netns', 'del', name])
    return false
  } catch (error) {
    return `network namespaces cannot be made here: ${(error as Error).message.trim()}`
  }
}

/** Which of these programs are not installed, as a reason to skip what needs them. */
export async function missingPrograms(names: readonly string[]): Promise<string | false> {
  const found = await Promise.all(
    names.map((name) =>
      run('sh', ['-c', `command -v ${name}`]).then(
        () => [],
        () => [name],
      ),
    ),
  )
  const missing = found.flat()
  return missing.length > 0 && `not installed here: ${missing.join(', ')}`
}

/** Makes machines on one link; they go with the test. */
export async function makeLink(context: TestContext, count: number): Promise<readonly Machine[]> {
  const id = randomBytes(3).toString('hex')
  const hub = `epic-${id}-hub`
  const names = Array.from({ length: count }, (_, i) => `epic-${id}-${i}`)
  context.after(async () => {
    for (const name of [hub, ...names]) await run('ip', ['netns', 'del', name])
  })
  await run('ip', ['netns', 'add', hub])
  await run('ip', ['-n', hub, 'link', 'add', 'hub', 'type', 'bridge'])
  await run('ip', ['-n', hub, 'link', 'set', 'hub', 'up'])
  for (const [i, name] of names.entries()) {
    await run('ip', ['netns', 'add', name])
    // An address that is used at once, without asking first whether somebody else has it.
    await run('ip', ['netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0'])
    const peer = ['peer', 'name', `port${i}`, 'netns', hub]
    await run('ip', ['-n', name, 'link', 'add', 'eth0', 'type', 'veth', ...peer])
    await run('ip', ['-n', hub, 'link', 'set', `port${i}`, 'master', 'hub', 'up'])
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    await run('ip', ['-n', name, 'link', 'set', 'eth0', 'up'])
    await run('ip', ['-n', name, 'addr', 'add', `fd00:e::${i + 1}/64`, 'dev', 'eth0', 'nodad'])
  }
  return names.map((name) => new Machine(context, name))
}

/** One machine of a link. */
export class Machine {
  readonly name: string
  readonly #context: TestContext

  constructor(context: TestContext, name: string) {
    this.#context = context
    this.name = name
  }

  /** Runs the test's program there. */
  start(...args: readonly string[]): Program {
    const command = ['netns', 'exec', this.name, process.execPath, PROGRAM, ...args]
    const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#context.after(() => child.kill('SIGKILL'))
    return new Program(child)
  }

  /** Runs a command there; returns what it printed. */
  async exec(...command: readonly string[]): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', this.name, ...command])
    return stdout
  }
}

/** A program on a machine: what it prints, and promises of that. */
export class Program {
  readonly #child: ChildProcess
  readonly #printed: Record<string, unknown>[] = []
  #look: () => void = () => undefined

  constructor(child: ChildProcess) {
    this.#child = child
    if (child.stdout === null) throw new Error('A program has an output')
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#printed.push(JSON.parse(line) as Record<string, unknown>)
      this.#look()
    })
  }

  /** The next object with this key that is printed, or was and has not been asked for. */
  next(key: string): Promise<unknown> {
    return new Promise((resolve) => {
      this.#look = () => {
        const at = this.#printed.findIndex((object) => key in object)
        if (at < 0) return
        const [object] = this.#printed.splice(0, at + 1).slice(-1)
        this.#look = () => undefined
        resolve(object?.[key])
      }
      this.#look()
    })
  }

  /** What it counts, asked for now. */
  async ask(key: string): Promise<unknown> {
    this.#child.stdin?.write('?\n')
    return await this.next(key)
  }

  /** Ends its input, and with that the program. */
  async end(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin?.end()
    await exited
  }
}
