/**
 * Machines of one cluster on loopback, over a real etcd: a supervisor with a data folder and ports of its own is a machine.
 *
 * What a machine is told is what a user would tell it, so the tests see the command as it is used.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  findEtcd,
  findFreePorts,
  findPostgres,
  startEtcdServers,
  startPostgres,
  type EtcdServers,
  type PostgresServer,
} from '@epicserver/conformance'
import { createClusterKey } from '@epicserver/runtime/host'
import { AppUnderTest, epic, isAlive, temporaryFolder, writeApp, type Ended } from './cli-rig.ts'

/** An app that needs no database: counters that nobody saves. */
export const countersInMemory: string = `
export class Counter extends Entity {
  static override settings = settings<Counter>({ persistent: false })
  count = 0
  async add(by: number): Promise<number> { this.count += by; return this.count }
}
export default defineApp({ entities: { Counter } })`

/** So many of them that each machine of a small cluster has some. */
export const counterIds: readonly string[] = Array.from({ length: 12 }, (_, i) => `Counter/c${i}`)

/** Ports that a machine takes: its supervisor's, and one for each of its nodes. */
const PORTS_PER_MACHINE = 4
/** The shortest that outlasts etcd's own fail-over. */
const LEASE_MS = '5000'

const etcd = await findEtcd()

/** Why there is no etcd to test with, where there is none. */
export const missingEtcd: string | false = etcd.missing ?? false

const postgres = await findPostgres()

/** Why there is no PostgreSQL to test with, where there is none. */
export const missingPostgres: string | false = postgres.missing ?? false

/** A database of the test's own. */
export async function startDatabase(context: TestContext): Promise<PostgresServer> {
  const server = await startPostgres({ programs: postgres.programs ?? '' })
  context.after(() => server.stop())
  return server
}

/** What a cluster has for an engine, with the faults that it may have. */
export interface EngineUnderTest {
  readonly address: string
  /** Ends it; its data stays. */
  kill(): Promise<void>
  /** Ends it, and its data is gone. */
  lose(): Promise<void>
  start(): Promise<void>
}

/** An etcd of the test's own. */
export async function startEtcdEngine(context: TestContext): Promise<EngineUnderTest> {
  const servers = await startEtcdServers({ binary: etcd.binary ?? '', count: 1 })
  context.after(() => servers.stop())
  return {
    address: `etcd://127.0.0.1:${servers.clientPort(0)}`,
    kill: () => servers.kill(0),
    lose: () => servers.lose(0),
    start: () => servers.start(0),
  }
}

/** A PostgreSQL of the test's own. */
export async function startPostgresEngine(context: TestContext): Promise<EngineUnderTest> {
  const server = await startDatabase(context)
  return {
    address: server.address,
    kill: () => server.kill(),
    lose: () => server.lose(),
    start: () => server.start(),
  }
}

export interface MachineOptions {
  readonly name: string
  readonly processes?: number
  /** Where entities are saved; nowhere when missing. */
  readonly state?: string
  /** The engine; the test's own etcd when missing. */
  readonly engine?: string
  readonly args?: readonly string[]
}

export class ClusterUnderTest {
  readonly folder: string
  readonly servers: EtcdServers
  readonly app: string
  readonly keyFile: string
  readonly #context: TestContext

  private constructor(
    context: TestContext,
    place: { folder: string; servers: EtcdServers; app: string; keyFile: string },
  ) {
    this.#context = context
    this.folder = place.folder
    this.servers = place.servers
    this.app = place.app
    this.keyFile = place.keyFile
  }

  static async create(
    context: TestContext,
    source: string,
    { servers: count = 1 }: { readonly servers?: number } = {},
  ): Promise<ClusterUnderTest> {
    const servers = await startEtcdServers({ binary: etcd.binary ?? '', count })
    context.after(() => servers.stop())
    const folder = await temporaryFolder(context)
    const app = await writeApp(folder, source)
    const keyFile = await writeKey(folder, 'cluster.key', createClusterKey())
    return new ClusterUnderTest(context, { folder, servers, app, keyFile })
  }

  /** The engine, as `--cluster` names it. */
  get engine(): string {
    return `etcd://${this.servers.endpoints.map((each) => each.replace('http://', '')).join(',')}`
  }

  /** What `epic run` is told to be a machine of the cluster. */
  async argsOf({
    state = 'none',
    engine = this.engine,
    args = [],
  }: Omit<MachineOptions, 'name'>): Promise<string[]> {
    return [
      ...['--cluster', engine, '--state', state, '--cluster-key-file', this.keyFile],
      ...['--lease-ms', LEASE_MS, '--listen', await freeListen()],
      ...args,
    ]
  }

  /** Starts a machine, and resolves when all its nodes serve. */
  async start({ name, processes = 1, ...options }: MachineOptions): Promise<AppUnderTest> {
    const machine = await AppUnderTest.start(this.#context, this.app, {
      data: join(this.folder, name),
      processes,
      args: await this.argsOf(options),
    })
    await machine.allServe(processes)
    return machine
  }

  /** Starts a machine that must fail, and returns how it ended. */
  async fail({ name, ...options }: MachineOptions): Promise<Ended> {
    const data = ['--data', join(this.folder, name), '--processes', '1']
    return await epic('run', this.app, ...data, ...(await this.argsOf(options)))
  }
}

/** An address on loopback whose port, and those above, are free. */
export async function freeListen(): Promise<string> {
  const [port] = await findFreePorts(PORTS_PER_MACHINE)
  return `[::1]:${port}`
}

/** Writes a key as `epic key` does. */
export async function writeKey(folder: string, name: string, key: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, `${key}\n`, { mode: 0o600 })
  return file
}

/** Ends a machine as a power failure does: all its processes, and nobody can say goodbye. */
export async function killMachine(machine: AppUnderTest): Promise<void> {
  const pids = (await machine.app.nodes()).flatMap(({ pid }) => pid ?? [])
  // First the one who would tell of the others' death.
  machine.app.kill('SIGKILL')
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  await machine.app.ended
}
