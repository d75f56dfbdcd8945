/**
 * A trial of an app on several machines: hosts of a network of its own, three of them with an etcd beside the app, and one more with
 * the PostgreSQL that entities are saved in.
 *
 * The load comes in through the machines that are not being harmed, over their control sockets: what it meets is what callers elsewhere
 * meet. A machine is therefore taken out of the load, and what it still has to answer is awaited, before something is done to it.
 */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RunningApp } from '@epicserver/cli'
import {
  findEtcd,
  findPostgres,
  startEtcdServers,
  startPostgres,
  type EtcdServers,
  type PostgresServer,
  type ServerPlace,
} from '@epicserver/conformance'
import { NetHosts, whyNoHosts, type NetHost } from '../hosts/net-hosts.ts'
import { attemptTo, pause, type Answered, type Question } from './load.ts'
import { pidsOf } from './machine-trial.ts'
import { COUNTERS_APP, makeTrialFolder, Trial, type Pids, type TrialOptions } from './trial.ts'

/** A machine of the cluster. */
export interface ClusterMachine {
  readonly index: number
  readonly host: NetHost
  readonly data: string
  app: RunningApp | undefined
  /** Whether the load goes through it. */
  isOpen: boolean
  /** What it has not answered yet. */
  asking: number
}

/** What a cluster trial needs of this machine. */
export interface ClusterGround {
  readonly etcd: string
  readonly postgres: string
}

const ETCD_COUNT = 3
/** As the guide says for machines that are near each other: an election takes half as long, and leases are that much less longer after it. */
const ETCD_PACE = ['--heartbeat-interval=50', '--election-timeout=500']
const PORT = 3030
const WAIT_MS = 50
/** Moves for balance are a quarter of a lease apart. */
const SETTLED_LEASES = 0.6

/** What a cluster needs, or why there can be none here. */
export async function findClusterGround(): Promise<ClusterGround | string> {
  const whyNot = whyNoHosts()
  if (whyNot !== undefined) return whyNot
  const etcd = await findEtcd()
  if (etcd.binary === undefined) return etcd.missing
  const postgres = await findPostgres()
  if (postgres.programs === undefined) return postgres.missing
  return { etcd: etcd.binary, postgres: postgres.programs }
}

export interface ClusterTrialOptions extends TrialOptions {
  readonly machines: number
  /** How many of the machines, the last ones, are not started yet. */
  readonly absent?: number
  readonly ground: ClusterGround
}

export class ClusterTrial extends Trial {
  readonly net: NetHosts
  readonly etcd: EtcdServers
  readonly machines: readonly ClusterMachine[]
  readonly #postgres: PostgresServer
  readonly #keyFile: string
  #turn = 0

  /** The cluster runs, and the load goes through all its machines. */
  static async begin(options: ClusterTrialOptions): Promise<ClusterTrial> {
    const folder = await makeTrialFolder()
    const net = await NetHosts.create(options.machines + 1)
    const places = net.hosts.map(placeOf)
    const etcd = await startEtcdServers({
      binary: options.ground.etcd,
      count: ETCD_COUNT,
      places,
      args: ETCD_PACE,
    })
    const postgres = await startPostgres({
      programs: options.ground.postgres,
      isSynced: true,
      place: places.at(-1) as ServerPlace,
    })
    const keyFile = join(folder, 'cluster.key')
    await writeFile(keyFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
    const trial = new ClusterTrial(options, { folder, net, etcd, postgres, keyFile })
    const present = trial.machines.slice(0, options.machines - (options.absent ?? 0))
    await Promise.all(present.map((machine) => trial.start(machine)))
    await trial.allServe()
    await trial.beginLoad()
    return trial
  }

  private constructor(
    options: ClusterTrialOptions,
    parts: {
      readonly folder: string
      readonly net: NetHosts
      readonly etcd: EtcdServers
      readonly postgres: PostgresServer
      readonly keyFile: string
    },
  ) {
    super(options, parts.folder)
    this.net = parts.net
    this.etcd = parts.etcd
    this.#postgres = parts.postgres
    this.#keyFile = parts.keyFile
    this.machines = parts.net.hosts.slice(0, options.machines).map((host, index) => ({
      index,
      host,
      data: join(parts.folder, `machine-${index + 1}`),
      app: undefined,
      isOpen: false,
      asking: 0,
    }))
  }

  /** Asks one open machine after the other. */
  async ask(question: Question): Promise<Answered> {
    const open = this.machines.filter(({ isOpen }) => isOpen)
    this.#turn += 1
    const machine = open[this.#turn % open.length]
    if (machine?.app === undefined) throw new Error('There is no machine to be asked')
    machine.asking += 1
    try {
      return await machine.app.ask(question)
    } finally {
      machine.asking -= 1
    }
  }

  /** Of the open machines. */
  async pids(): Promise<Pids> {
    const all = await Promise.all(
      this.machines.flatMap(({ app, isOpen }) =>
        isOpen && app !== undefined ? [pidsOf(app)] : [],
      ),
    )
    return {
      serving: all.flatMap(({ serving }) => serving),
      starting: all.flatMap(({ starting }) => starting),
    }
  }

  async allServe(): Promise<void> {
    const { processes } = this.options
    const wanted = this.machines.filter(({ isOpen }) => isOpen).length * processes
    while ((await this.pids()).serving.length < wanted) await pause(WAIT_MS)
  }

  /** Resolves when nothing moves any more: what is harmed in the midst of a move is another matter. */
  async settles(): Promise<void> {
    const calmMs = this.options.leaseMs * SETTLED_LEASES
    let viewNo = await this.#viewNo()
    for (let since = performance.now(); performance.now() - since < calmMs;) {
      await pause(WAIT_MS)
      const now = await this.#viewNo()
      if (now !== viewNo) since = performance.now()
      viewNo = now
    }
  }

  /** Calls every counter through every open machine: what is established before a harm is what must go on during it. */
  async callThroughAll(): Promise<void> {
    for (const { app, isOpen } of this.machines) {
      if (app === undefined || !isOpen) continue
      for (const counter of this.pages) {
        const attempt = await attemptTo(app, 'read', { counter })
        if (attempt.kind === 'told') counter.pid = attempt.told.pid
      }
    }
  }

  async #viewNo(): Promise<number | undefined> {
    const answer = await this.ask({ ask: 'cluster' })
    if (!answer.ok) return undefined
    return (answer.value as { readonly membership?: { readonly viewNo: number } }).membership
      ?.viewNo
  }

  /** Starts a machine's supervisor over what it left, and opens it for the load when it serves. */
  async start(machine: ClusterMachine): Promise<void> {
    const { processes, leaseMs } = this.options
    const engine = this.etcd.endpoints.map((each) => each.replace('http://', '')).join(',')
    machine.app = await RunningApp.start({
      app: COUNTERS_APP,
      data: machine.data,
      processes,
      command: machine.host.command,
      args: [
        ...[
          '--cluster',
          `etcd://${engine}?allowPlainText=yes`,
          '--state',
          `${this.#postgres.address}?allowPlainText=yes`,
        ],
        ...['--cluster-key-file', this.#keyFile, '--listen', `[${machine.host.address}]:${PORT}`],
        ...['--lease-ms', String(leaseMs), '--log-level', 'debug'],
      ],
      onLine: (line) => this.handleLine(line),
    })
    machine.isOpen = true
  }

  /** Takes a machine out of the load: resolves when it has answered what it was asked. */
  async closeOff(machine: ClusterMachine): Promise<void> {
    machine.isOpen = false
    while (machine.asking > 0) await pause(1)
  }

  protected async stop(): Promise<void> {
    await Promise.all(this.machines.map(async ({ app }) => await app?.stop()))
    await this.dispose()
  }

  /** Ends all that runs, and takes the network away. */
  async dispose(): Promise<void> {
    await this.#postgres.stop()
    await this.etcd.stop()
    await this.net.remove()
  }
}

function placeOf({ address, command }: NetHost): ServerPlace {
  return { host: address, command }
}
