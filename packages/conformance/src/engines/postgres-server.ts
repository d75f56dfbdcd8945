/**
 * A real PostgreSQL server on a free loopback port in a temporary folder, for tests, chaos and benchmarks: started, killed, frozen,
 * started again and stopped.
 *
 * PostgreSQL refuses to run as root; there it runs as the user `postgres`, which Debian's package makes.
 */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, chmod, chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { endWithThisProcess } from './end-with-this-process.ts'
import { findFreePorts } from './free-ports.ts'
import { commandAt, hostIn, LOOPBACK, type ServerPlace } from './server-place.ts'

const run = promisify(execFile)
const DEBIAN_FOLDER = '/usr/lib/postgresql'
const STDERR_BYTES_KEPT = 8_000
const READY = /database system is ready to accept connections/

/** Where PostgreSQL's programs are, or why they are not. */
export type FoundPostgres =
  | { readonly programs: string; readonly missing?: undefined }
  | { readonly programs?: undefined; readonly missing: string }

/** Looks for PostgreSQL, and installs Debian's where it may. */
export async function findPostgres(): Promise<FoundPostgres> {
  const found = (await findPrograms()) ?? (await install())
  return found === undefined
    ? { missing: 'PostgreSQL is not installed, and only root can install it' }
    : { programs: found }
}

/** What {@link startPostgres} may be given. */
export interface PostgresOptions {
  /** Where its programs are. */
  readonly programs: string
  /**
   * Whether it waits for the disk. Tests kill processes, not machines, and are several times faster without; what is measured
   * must have it.
   */
  readonly isSynced?: boolean
  /** Where it runs; on loopback without it. Only root can have it elsewhere. */
  readonly place?: ServerPlace
}

/** Starts a server with an empty database, and waits until it serves. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const user = await serverUser()
  const folder = await mkdtemp(join(tmpdir(), 'epic-postgres-'))
  if (user !== undefined) await chown(folder, user.uid, user.gid)
  await chmod(folder, 0o700)
  const [port = 0] = await findFreePorts(1)
  const server = new PostgresServer({ ...options, folder, port, user })
  await server.create()
  await server.start()
  return server
}

interface ServerUser {
  readonly uid: number
  readonly gid: number
}

interface PostgresServerOptions extends PostgresOptions {
  readonly folder: string
  readonly port: number
  readonly user: ServerUser | undefined
}

/** Made by {@link startPostgres}. */
export class PostgresServer {
  readonly #options: PostgresServerOptions
  #process: ChildProcess | undefined

  constructor(options: PostgresServerOptions) {
    this.#options = options
  }

  get port(): number {
    return this.#options.port
  }

  /** Where clients find it: everything may be done there without a password. */
  get address(): string {
    return `postgres://postgres@${hostIn(this.#place)}:${this.port}/postgres`
  }

  async create(): Promise<void> {
    const { programs, folder, user } = this.#options
    const args = [
      '-D',
      join(folder, 'data'),
      '-U',
      'postgres',
      '--auth=trust',
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
    ]
    await run(join(programs, 'initdb'), args, { ...user, cwd: folder })
    // On a network that a test made nobody else can reach it.
    if (this.#place !== LOOPBACK)
      await appendFile(join(folder, 'data/pg_hba.conf'), 'host all all all trust\n')
  }

  /** Starts it, on the data that it left. */
  async start(): Promise<void> {
    const { programs, folder, port, user, isSynced = false } = this.#options
    const settings = [
      `port=${port}`,
      `listen_addresses=${this.#place.host}`,
      `unix_socket_directories=${folder}`,
      `fsync=${isSynced ? 'on' : 'off'}`,
    ]
    const args = ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])]
    const child = spawn(...this.#startedAs(join(programs, 'postgres'), args), {
      ...(this.#place === LOOPBACK && user),
      cwd: folder,
      env: { ...process.env, LC_MESSAGES: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    endWithThisProcess(child)
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        said = (said + chunk).slice(-STDERR_BYTES_KEPT)
        if (READY.test(said)) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`PostgreSQL ended before it served:\n${said}`)))
    })
  }

  /** Ends it as a crash does: its processes die at once, and their shared memory with them. */
  async kill(): Promise<void> {
    await this.#end('SIGQUIT')
  }

  /** Ends it and forgets all that it knew; what is started next begins with nothing. */
  async lose(): Promise<void> {
    await this.kill()
    await rm(join(this.#options.folder, 'data'), { recursive: true, force: true })
    await this.create()
  }

  /** Ends it in order; who is connected is disconnected. */
  async shutDown(): Promise<void> {
    await this.#end('SIGINT')
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#options.folder, { recursive: true, force: true })
  }

  get #place(): ServerPlace {
    return this.#options.place ?? LOOPBACK
  }

  /** Only root can enter another place, so there the command becomes PostgreSQL's user when it has arrived. */
  #startedAs(program: string, args: readonly string[]): [string, string[]] {
    const { user } = this.#options
    if (this.#place === LOOPBACK || user === undefined) return [program, [...args]]
    const as = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', program, ...args]
    const { command, args: rest } = commandAt(this.#place, 'setpriv', as)
    return [command, rest]
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}

async function findPrograms(): Promise<string | undefined> {
  const versions = existsSync(DEBIAN_FOLDER) ? await readdir(DEBIAN_FOLDER) : []
  const folders = versions
    .map(Number)
    .sort((a, b) => b - a)
    .map((version) => join(DEBIAN_FOLDER, String(version), 'bin'))
  const inPath = (process.env['PATH'] ?? '').split(':')
  return [...folders, ...inPath].find((folder) => existsSync(join(folder, 'initdb')))
}

async function install(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined
  // Debian's package would start a server of its own; a policy that says no to that is what images use.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const args = ['install', '-y', '--no-install-recommends', 'postgresql']
  const install = (): Promise<unknown> => run('apt-get', args, { env })
  try {
    await install().catch(() => run('apt-get', ['update']).then(install))
  } catch {
    // No package to be had; the caller says what is missing.
    return undefined
  }
  return findPrograms()
}

/** Who runs it: this process's own user, or `postgres` for root. */
async function serverUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const idOf = async (flag: string): Promise<number> =>
    Number((await run('id', [flag, 'postgres'])).stdout)
  return { uid: await idOf('-u'), gid: await idOf('-g') }
}
