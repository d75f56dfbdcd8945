/**
 * One process of a simulated host: a real node, whose every way into the world leads through here.
 *
 * What arrives (a timer, a batch, an answer) waits while the host is stopped, and is lost when the process is dead. What leaves is a
 * place where the process may die. A dead process may still finish the piece of code that it was in; nothing of that leaves, and
 * nothing is told of it.
 */
import type { ClusterStore, EntityId } from '@epicserver/contracts'
import type { FenceReason, MemberOptions, Mutation } from '@epicserver/fabric'
import type { Activation, Call, Held } from '@epicserver/kernel'
import { ClusterNode } from '@epicserver/runtime'
import type {
  App,
  BalanceOptions,
  EntityCall,
  EntityNode,
  LogSink,
  NodeClock,
  NodeObserver,
  Outcome,
  Pending,
} from '@epicserver/runtime'
import type { GlobalSource } from './controlled-globals.ts'
import type { CrashPoint } from './crash-points.ts'
import type { HostClock } from './host-clock.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedEngine } from './simulated-cluster-store.ts'
import type { SimulatedFiles } from './simulated-files.ts'
import type { NetworkProcess, SimulatedNetwork } from './simulated-network.ts'
import { SimulatedStateStore, type StoreWorld } from './simulated-state-store.ts'
import type { Trace } from './trace.ts'
import type { VirtualLoop } from './virtual-loop.ts'
import type { VirtualTime } from './virtual-time.ts'
import type { WatchedProcess, Watcher } from './watcher.ts'

/** What all processes of a world share. */
export interface ProcessWorld {
  readonly app: App
  readonly time: VirtualTime
  readonly loop: VirtualLoop
  readonly network: SimulatedNetwork
  readonly engine: SimulatedEngine
  readonly store: StoreWorld
  readonly watchers: readonly Watcher[]
  readonly trace: Trace
  readonly ttlMs: number
  readonly member: Partial<MemberOptions>
  readonly balance: BalanceOptions
  readonly mutations: ReadonlySet<Mutation>
  /** The newest version of an entity that was said to be durable. */
  acknowledgedVersion(entity: EntityId): bigint
  /** Whether a process that is at this point dies now. */
  crashes(point: CrashPoint): boolean
  /** The process whose code runs from now on; `null` for the test's. */
  current: SimulatedProcess | null
}

/** What a process is part of. */
export interface ProcessHost {
  readonly name: string
  readonly clock: HostClock
  readonly files: SimulatedFiles
  handleEnd(process: SimulatedProcess): void
}

/** A timer that was set late in a run of the clock may come early by rounding. */
const EARLY_MS = 0.01

export class SimulatedProcess implements WatchedProcess, NetworkProcess {
  readonly name: string
  readonly host: string
  readonly cluster: ClusterNode
  readonly globals: GlobalSource
  readonly #world: ProcessWorld
  readonly #host: ProcessHost
  readonly #random: SeededRandom
  readonly #store: SimulatedStateStore
  #isAlive = true
  #names = 0
  /** What its clock had missed when the process last compared it with the time since boot. */
  #missedKnownMs: number
  #isServing = false

  constructor(world: ProcessWorld, host: ProcessHost, start: number, random: SeededRandom) {
    this.#world = world
    this.#host = host
    this.#random = random
    this.host = host.name
    this.name = `${host.name}#${start}`
    this.#missedKnownMs = host.clock.missedMs
    this.#store = new SimulatedStateStore(world.store, this, {
      claimBegun: (entity) => world.acknowledgedVersion(entity),
      claimed: (entity, claimed, atLeast) =>
        this.#watch((watcher) => watcher.claimed?.(this, entity, claimed, atLeast)),
      writeBegun: (entity, guard, write) =>
        this.#watch((watcher) => watcher.writeBegun?.(this, entity, write, guard)),
      written: (entity, guard, version) =>
        this.#watch((watcher) => watcher.written?.(this, entity, version, guard)),
      removed: (entity) => this.#watch((watcher) => watcher.removed?.(this, entity)),
    })
    this.globals = {
      wallMs: () => host.clock.wallMs,
      monotonicMs: () => host.clock.read(),
      random: random.next,
      setTimer: (run, delayMs) => this.#setTimer(run, delayMs),
      print: (line) => world.trace.add(host.name, 'prints', line),
    }
    this.cluster = this.#createNode()
  }

  /** Joins the cluster and does what a server's process does then. */
  start(): void {
    this.#enter(() => {
      void this.cluster.start().then((node) => this.#serve(node))
    })
  }

  async #serve(node: EntityNode): Promise<void> {
    if (!this.#isAlive) return
    node.tasks.start()
    await this.#world.app.setupNode?.(node.pool, { nodeId: node.nodeId, labels: [] })
    this.#isServing = true
    this.#note('serves')
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Whether it has joined, and clients may call it. */
  get isServing(): boolean {
    return this.#isAlive && this.#isServing
  }

  get canServe(): boolean {
    const { clock } = this.#host
    // The process compares its clocks before it does anything: by then it knows what a suspension took.
    const unknownMs = clock.missedMs - this.#missedKnownMs
    return !clock.isSuspended && this.cluster.member.canServe(clock.monotonicMs + unknownMs)
  }

  get nowMs(): number {
    return this.#host.clock.monotonicMs
  }

  get node(): EntityNode | undefined {
    return this.cluster.node
  }

  /** Runs something as this process's code, as a client's request would. */
  run<T>(use: () => T): T {
    return this.#enter(use)
  }

  // What arrives

  receive(what: string, run: () => void): void {
    this.#arrive('receive', what, run)
  }

  answer(what: string, run: () => void): void {
    this.#arrive('storeAnswered', what, run)
  }

  #answerOfEngine(what: string, run: () => void): void {
    this.#arrive('leaseAnswered', what, run)
  }

  #arrive(point: CrashPoint, what: string, run: () => void): void {
    if (!this.#isAlive) return
    this.#host.clock.deliver(() => {
      if (!this.#isAlive || this.diesAt(point)) return
      this.#note(point, what)
      this.#enter(run)
    })
  }

  #enter<T>(run: () => T): T {
    this.#world.current = this
    return run()
  }

  // What leaves

  send(what: string): boolean {
    if (!this.#isAlive || this.diesAt('send')) return false
    this.#note('sends', what)
    if (this.#world.crashes('sent')) this.#world.time.after(0, () => this.crash('sent'))
    return true
  }

  /** Whether the process dies here; then it is dead already. */
  diesAt(point: CrashPoint): boolean {
    if (!this.#isAlive || !this.#world.crashes(point)) return false
    this.crash(point)
    return true
  }

  // The end

  /** Stops in order, as a process does that is told to. */
  async leave(): Promise<void> {
    await this.cluster.stop()
    if (this.#isAlive) this.#end('left')
  }

  /** Dies at this instant, as by kill -9. */
  crash(why: string): void {
    if (!this.#isAlive) return
    this.#end(why)
    this.#store.crash()
  }

  #end(why: string): void {
    this.#isAlive = false
    this.#isServing = false
    this.#note('ends', why)
    this.cluster.kill()
    for (const watcher of this.#world.watchers) watcher.processEnded?.(this)
    this.#host.handleEnd(this)
  }

  // The node and its ports

  #createNode(): ClusterNode {
    const { app, network, ttlMs, member, balance, mutations } = this.#world
    const { files, name } = this.#host
    return new ClusterNode({
      entities: app.entities,
      mode: 'development',
      ports: {
        clock: this.#clock(),
        random: this.#random.next,
        store: this.#store,
        files,
        log: this.#log,
        observer: this.#observer(),
      },
      clusterStore: this.#clusterStore(),
      partitions: {
        acquire: () => this.#pause(),
        release: () => this.#pause(),
      },
      network: (nodeId) => network.attach(nodeId, this),
      address: name,
      boot: () => name,
      uptimeMs: () => this.#readUptime(),
      appVersion: '1',
      ttlMs,
      member,
      balance,
      mutations,
      onFenced: (reason) => this.#handleFenced(reason),
    })
  }

  /** A fenced process ends itself in order: what it has asked of the store may still be done. */
  #handleFenced(reason: FenceReason): void {
    if (this.#isAlive) this.#end(`fenced: ${reason}`)
  }

  #clusterStore(): ClusterStore {
    const { engine } = this.#world
    return engine.connect({
      host: this.host,
      isAlive: () => this.#isAlive,
      diesAt: (point) => this.diesAt(point),
      answer: (what, run) => this.#answerOfEngine(what, run),
    })
  }

  #clock(): NodeClock {
    const { clock } = this.#host
    return {
      monotonicMs: () => clock.read(),
      wallMs: () => clock.wallMs,
      setTimer: (run, delayMs) => this.#setTimer(run, delayMs),
      yield: (run) => void this.#setTimer(run, 0),
      afterTurns: (run) => {
        this.#world.loop.afterTurns(() => {
          if (this.#isAlive) this.#enter(run)
        })
      },
    }
  }

  #setTimer(run: () => void, delayMs: number): Pending {
    const { clock } = this.#host
    const { time } = this.#world
    const dueMs = clock.monotonicMs + delayMs
    const fire = (): void => {
      // The clock stood still meanwhile: the timer is not due yet.
      if (clock.monotonicMs < dueMs - EARLY_MS) schedule()
      else if (!this.diesAt('timer')) this.#enter(run)
    }
    const arrive = (): void => {
      if (this.#isAlive) clock.deliver(() => this.#isAlive && !isCancelled && fire())
    }
    let isCancelled = false
    let scheduled = time.after(clock.trueDelay(delayMs), arrive)
    const schedule = (): void => {
      scheduled = time.after(clock.trueDelay(dueMs - clock.monotonicMs), arrive)
    }
    return {
      cancel: () => {
        isCancelled = true
        scheduled.cancel()
      },
    }
  }

  #readUptime(): number {
    const { clock } = this.#host
    this.#missedKnownMs = clock.missedMs
    return clock.uptimeMs
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#setTimer(resolve, this.#random.between(0.1, 5))
    })
  }

  readonly #log: LogSink = (level, message, facts) => {
    const { error, entity } = facts
    const why = error instanceof Error ? ` (${error.message})` : ''
    if (this.#isAlive)
      this.#note(level, `${message}${typeof entity === 'string' ? ` ${entity}` : ''}${why}`)
  }

  // Watching

  #observer(): NodeObserver {
    return {
      callMade: (call) => this.#watch((watcher) => watcher.callMade?.(this, this.#name(call))),
      callSettled: (call) => this.#watch((watcher) => watcher.callSettled?.(this, call)),
      turnStarted: (call) => {
        this.#noteTurn('runs', call, ` ${call.trace ?? ''}`)
        this.#watch((watcher) => watcher.turnStarted?.(this, call))
      },
      turnEnded: (call, outcome) => {
        this.#noteTurn('ends turn', call, errorOf(outcome))
        this.#watch((watcher) => watcher.turnEnded?.(this, call))
      },
      released: (activation: Activation, held: Held) => {
        this.#watch((watcher) => watcher.released?.(this, activation, held))
      },
      submitted: (token, turn: Call | null) => {
        this.#note(
          'asks',
          `${token.syscall.kind}${turn === null ? '' : ` for ${turn.operation.name}`}`,
        )
      },
    }
  }

  #name(call: EntityCall): EntityCall {
    this.#names += 1
    call.trace = `${this.name}:${this.#names}`
    return call
  }

  #watch(tell: (watcher: Watcher) => void): void {
    if (!this.#isAlive) return
    for (const watcher of this.#world.watchers) tell(watcher)
  }

  /** Turns are many, and most runs have no trace: they are put into words only where there is one. */
  #noteTurn(what: string, { ref, operation }: EntityCall, rest: string): void {
    if (this.#world.trace.isKept) this.#note(what, `${ref.toString()}.${operation.name}${rest}`)
  }

  #note(what: string, detail = ''): void {
    this.#world.trace.add(this.name, what, detail)
  }
}

function errorOf(outcome: Outcome): string {
  if (!('error' in outcome)) return ''
  return ` with ${outcome.error instanceof Error ? outcome.error.message : String(outcome.error)}`
}
