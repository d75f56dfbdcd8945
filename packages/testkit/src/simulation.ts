/**
 * All parts of one simulated cluster, put together: time, hosts, network, stores, faults, checkers.
 *
 * This is the inside of a `World`, which is what a test sees. Here stands what drives them: who runs now, who waits, what a failure
 * says. A promise that is broken ends the run at once, while the trace still shows how.
 */
import { parseEntityId, PARTITIONS, type EntityId } from '@epicserver/contracts'
import type { MemberOptions, Mutation } from '@epicserver/fabric'
import type { App, BalanceOptions } from '@epicserver/runtime'
import { MemoryDisk } from '@epicserver/store-memory'
import { DurabilityWatch } from './checkers/durability-watch.ts'
import { OpenCallsWatch } from './checkers/open-calls-watch.ts'
import { OrderWatch } from './checkers/order-watch.ts'
import { SingleActivationWatch } from './checkers/single-activation-watch.ts'
import type { GlobalSource } from './controlled-globals.ts'
import type { CrashPoint } from './crash-points.ts'
import { FaultInjector, type FaultProfile, type FaultyWorld } from './faults.ts'
import { WALL_ORIGIN_MS } from './host-clock.ts'
import { LEASE_TTL_MS } from './limits.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedEngine } from './simulated-cluster-store.ts'
import { SimulatedHost } from './simulated-host.ts'
import { SimulatedNetwork } from './simulated-network.ts'
import type { ProcessWorld, SimulatedProcess } from './simulated-process.ts'
import { FAIR_STORE, type StoreWeather, type StoreWorld } from './simulated-state-store.ts'
import { Trace } from './trace.ts'
import { Violation } from './violation.ts'
import { VirtualLoop } from './virtual-loop.ts'
import { VirtualTime } from './virtual-time.ts'
import type { Watcher } from './watcher.ts'

/** How a simulated cluster is made. */
export interface SimulationOptions {
  readonly app: App
  /** How many hosts, `n1` to `nN`. */
  readonly nodes: number
  readonly seed: number
  readonly ttlMs?: number
  readonly member?: Partial<MemberOptions>
  readonly balance?: BalanceOptions
  /** Rules whose breach is only noted, for `world.check` to find. */
  readonly tolerate?: readonly string[]
  readonly mutations?: ReadonlySet<SimulationMutation>
  readonly print?: (line: string) => void
  readonly isTraced?: boolean
}

/** What a test of the checkers may switch off or break. */
export type SimulationMutation =
  | Mutation
  /** What is sent over one channel arrives in any order. */
  | 'unorderedLinks'
  /** The state store compares neither epochs nor versions. */
  | 'noStoreGuard'
  /** The state store says that a write is durable, and forgets one in a hundred. */
  | 'storeForgets'

export class Simulation implements ProcessWorld, FaultyWorld {
  readonly app: App
  readonly seed: number
  readonly random: SeededRandom
  readonly time: VirtualTime = new VirtualTime()
  readonly trace: Trace
  readonly loop: VirtualLoop
  readonly network: SimulatedNetwork
  readonly engine: SimulatedEngine
  readonly disk: MemoryDisk = new MemoryDisk()
  readonly storeWeather: StoreWeather = { ...FAIR_STORE }
  readonly store: StoreWorld
  readonly hosts: readonly SimulatedHost[]
  readonly faults: FaultInjector
  readonly watchers: readonly Watcher[]
  readonly openCalls: OpenCallsWatch = new OpenCallsWatch()
  readonly durability: DurabilityWatch
  readonly ttlMs: number
  readonly member: Partial<MemberOptions>
  readonly balance: BalanceOptions
  readonly mutations: ReadonlySet<Mutation>
  readonly violations: Violation[] = []
  /** Told of each process that ends; clients wait for that. */
  readonly onProcessEnd: Set<(process: SimulatedProcess) => void> = new Set()
  current: SimulatedProcess | null = null
  /** The globals of code that belongs to no process. */
  readonly #ownGlobals: GlobalSource
  readonly #activations: SingleActivationWatch
  readonly #tolerated: ReadonlySet<string>

  constructor(options: SimulationOptions) {
    const { app, seed, nodes, mutations = new Set() } = options
    this.app = app
    this.seed = seed
    this.random = new SeededRandom(seed)
    this.ttlMs = options.ttlMs ?? LEASE_TTL_MS
    this.member = options.member ?? {}
    this.balance = options.balance ?? {}
    this.mutations = mutations as ReadonlySet<Mutation>
    this.#tolerated = new Set(options.tolerate)
    this.trace = new Trace(() => this.time.now, {
      print: options.print,
      isKept: options.isTraced ?? true,
    })
    this.loop = new VirtualLoop(this.time, () => {
      this.current = null
    })
    const noteFate = (fate: string): void => this.faults.count(fate)
    this.network = new SimulatedNetwork(this.time, this.random.fork())
    this.network.isOrdered = !mutations.has('unorderedLinks')
    this.engine = new SimulatedEngine(this.time, this.random.fork(), noteFate)
    this.engine.onExpiry = () => this.#checkLeases()
    this.store = {
      time: this.time,
      random: this.random.fork(),
      disk: this.disk,
      weather: this.storeWeather,
      noteFate,
      mutations,
    }
    const report = (rule: string, message: string): void => this.report(rule, message)
    this.durability = new DurabilityWatch(report)
    this.#activations = new SingleActivationWatch(report)
    this.watchers = [this.#activations, this.durability, new OrderWatch(report), this.openCalls]
    this.faults = new FaultInjector(this)
    this.hosts = Array.from({ length: nodes }, (_, i) => this.#createHost(`n${i + 1}`))
    this.#ownGlobals = this.#createGlobals()
  }

  /** What stands for the globals at the moment. */
  get globals(): GlobalSource {
    return this.current?.globals ?? this.#ownGlobals
  }

  host(name: string): SimulatedHost {
    const host = this.hosts.find((each) => each.name === name)
    if (host === undefined) {
      throw new RangeError(
        `There is no host "${name}", only ${this.hosts.map((each) => each.name).join(', ')}`,
      )
    }
    return host
  }

  /** The processes that run or are stopped. */
  get processes(): SimulatedProcess[] {
    return this.hosts.flatMap(({ process }) => (process === null ? [] : [process]))
  }

  /** Those of them that would answer now. */
  get servers(): SimulatedProcess[] {
    return this.hosts.flatMap(({ process, clock }) => {
      return process?.isServing === true && !clock.isStopped ? [process] : []
    })
  }

  /** A partition that no living node serves. */
  unserved(): number | undefined {
    const routers = this.servers.map(({ node }) => node?.ports.router)
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      if (!routers.some((router) => router?.isReady(partition))) return partition
    }
    return undefined
  }

  /** All entities that ever ran a turn. */
  ranEntities(): EntityId[] {
    return [...this.#activations.entities].map((name) => parseEntityId(name))
  }

  acknowledgedVersion(entity: EntityId): bigint {
    return this.durability.versionOf(entity)
  }

  crashes(point: CrashPoint): boolean {
    return this.faults.crashes(point)
  }

  note(what: string, detail: string): void {
    this.trace.add('', what, detail)
  }

  /** A promise was broken. */
  report(rule: string, message: string): void {
    const violation = new Violation(rule, message, this.time.now)
    this.violations.push(violation)
    this.note('VIOLATION', violation.message)
    if (!this.#tolerated.has(rule)) this.loop.end(violation)
  }

  /** I8: a node stops by its own clock before the engine ends its lease. */
  #checkLeases(): void {
    for (const { name, cluster, canServe } of this.processes) {
      const lease = cluster.member.nodeId
      if (lease === undefined || !canServe || this.engine.hasLease(lease)) continue
      this.report('leaseKept', `${name} would serve, and its lease ${lease} has ended`)
    }
  }

  /** Ends all processes; nothing of them runs any more. */
  end(): void {
    for (const host of this.hosts) host.crash('the simulation ends', { forGood: true })
    this.loop.end(new Error('The simulation has ended'))
  }

  begin(profile: FaultProfile): void {
    this.faults.start(profile)
  }

  #createHost(name: string): SimulatedHost {
    return new SimulatedHost(this, name, this.random.fork(), (process) => {
      for (const tell of [...this.onProcessEnd]) tell(process)
    })
  }

  #createGlobals(): GlobalSource {
    const random = this.random.fork()
    const { time, loop } = this
    return {
      wallMs: () => WALL_ORIGIN_MS + time.now,
      monotonicMs: () => time.now,
      random: random.next,
      setTimer: (run, delayMs) => {
        // The test waits for it, so time must go on until then.
        void loop.runUntil(time.now + delayMs).catch(() => undefined)
        return time.after(delayMs, run)
      },
      print: undefined,
    }
  }
}
