/**
 * Real etcd servers on free ports (of loopback, or of hosts that a test made) in a temporary folder, for tests, chaos and
 * benchmarks: started, killed, frozen, started again and stopped.
 *
 * Where no `etcd` is installed, Debian's package is fetched and unpacked beside the dependencies: it is one static program, so
 * that needs neither root nor an installation, and nothing is started behind anyone's back.
 */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { endWithThisProcess } from './end-with-this-process.ts'
import { findFreePorts } from './free-ports.ts'
import { commandAt, hostIn, LOOPBACK, type ServerPlace } from './server-place.ts'

const run = promisify(execFile)
const CACHE = fileURLToPath(
  new URL('../../../../node_modules/.cache/epicserver/etcd', import.meta.url),
)
const UNPACKED = join(CACHE, 'usr/bin/etcd')
const STDERR_BYTES_KEPT = 8_000

/** Where etcd is, or why it is not. */
export type FoundEtcd =
  | { readonly binary: string; readonly missing?: undefined }
  | { readonly binary?: undefined; readonly missing: string }

/** Looks for etcd, and fetches it where it can. */
export async function findEtcd(): Promise<FoundEtcd> {
  for (const binary of ['etcd', UNPACKED]) {
    if (binary !== 'etcd' && !existsSync(binary)) continue
    if (await run(binary, ['--version']).then(...toBoolean)) return { binary }
  }
  try {
    await unpackPackage()
    return { binary: UNPACKED }
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return { missing: `etcd is not installed, and its package cannot be fetched: ${reason}` }
  }
}

/** What {@link startEtcdServers} may be given. */
export interface EtcdServersOptions {
  readonly binary: string
  readonly count: number
  /** More arguments of each server. */
  readonly args?: readonly string[]
  /** `https` with the certificates that `args` name. */
  readonly clientScheme?: 'http' | 'https'
  /** Where each server runs; all on loopback without it. */
  readonly places?: readonly ServerPlace[]
}

/** Starts a cluster, and waits until it serves. */
export async function startEtcdServers(options: EtcdServersOptions): Promise<EtcdServers> {
  const folder = await mkdtemp(join(tmpdir(), 'epic-etcd-'))
  const ports = await findFreePorts(options.count * 2)
  const servers = new EtcdServers(options, { folder, ports })
  await Promise.all(servers.endpoints.map((_, index) => servers.start(index)))
  return servers
}

/** Made by {@link startEtcdServers}. */
export class EtcdServers {
  readonly endpoints: readonly string[]
  readonly #options: EtcdServersOptions
  readonly #folder: string
  readonly #ports: readonly number[]
  readonly #processes = new Map<number, ChildProcess>()

  constructor(options: EtcdServersOptions, place: { folder: string; ports: readonly number[] }) {
    this.#options = options
    this.#folder = place.folder
    this.#ports = place.ports
    const scheme = options.clientScheme ?? 'http'
    this.endpoints = Array.from(
      { length: options.count },
      (_, index) => `${scheme}://${hostIn(this.#placeOf(index))}:${this.clientPort(index)}`,
    )
  }

  clientPort(index: number): number {
    return this.#ports[index * 2] ?? 0
  }

  /** Starts a server, on the data that it left. */
  async start(index: number): Promise<void> {
    const { command, args } = commandAt(
      this.#placeOf(index),
      this.#options.binary,
      this.#argsOf(index),
    )
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#processes.set(index, child)
    endWithThisProcess(child)
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        said = (said + chunk).slice(-STDERR_BYTES_KEPT)
        if (/serving (insecure )?client (requests|traffic)/.test(said)) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`etcd ended before it served:\n${said}`)))
    })
  }

  /** Ends a server without a warning. */
  async kill(index: number): Promise<void> {
    const child = this.#processes.get(index)
    this.#processes.delete(index)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Ends a server and forgets all that it knew; what is started next begins with nothing. */
  async lose(index: number): Promise<void> {
    await this.kill(index)
    await rm(this.#dataOf(index), { recursive: true, force: true })
  }

  /** Stops a server's time; resolves when it stands, which on a busy machine is some answers later. */
  async freeze(index: number): Promise<void> {
    const child = this.#processes.get(index)
    if (child?.pid === undefined || !child.kill('SIGSTOP'))
      throw new Error(`Server ${index} does not run`)
    while (!(await isStopped(child.pid))) await new Promise(setImmediate)
  }

  thaw(index: number): void {
    this.#processes.get(index)?.kill('SIGCONT')
  }

  /** Ends all servers and removes their data. */
  async stop(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((index) => this.kill(index)))
    await rm(this.#folder, { recursive: true, force: true })
  }

  #placeOf(index: number): ServerPlace {
    return this.#options.places?.[index] ?? LOOPBACK
  }

  #dataOf(index: number): string {
    return join(this.#folder, `m${index}`)
  }

  #argsOf(index: number): string[] {
    const peer = (of: number): string =>
      `http://${hostIn(this.#placeOf(of))}:${this.#ports[of * 2 + 1]}`
    const names = this.endpoints.map((_, of) => `m${of}=${peer(of)}`)
    const client = this.endpoints[index] ?? ''
    return [
      ...['--name', `m${index}`],
      ...['--data-dir', this.#dataOf(index)],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer(index), '--initial-advertise-peer-urls', peer(index)],
      ...['--initial-cluster', names.join(','), '--initial-cluster-state', 'new'],
      ...['--initial-cluster-token', this.#folder],
      // As the guide says: without it a server that comes back from behind a cut ends the leader's term.
      '--pre-vote',
      ...(this.#options.args ?? []),
    ]
  }
}

/** The two handlers of a promise of which only the outcome matters. */
const toBoolean = [(): boolean => true, (): boolean => false] as const

async function unpackPackage(): Promise<void> {
  const folder = join(CACHE, 'package')
  await mkdir(folder, { recursive: true })
  try {
    await run('apt-get', ['download', 'etcd-server'], { cwd: folder })
  } catch {
    // Perhaps no lists of packages are there yet, which only root can fetch.
    await run('apt-get', ['update'])
    await run('apt-get', ['download', 'etcd-server'], { cwd: folder })
  }
  const [file] = (await readdir(folder)).filter((name) => name.endsWith('.deb'))
  await run('dpkg-deb', ['-x', join(folder, file ?? ''), CACHE])
}

/** Whether the system has stopped a process: the state behind its name, in brackets, is T. */
async function isStopped(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')')).startsWith(') T')
}
