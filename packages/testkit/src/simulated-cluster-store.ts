/**
 * The cluster store as a simulated process reaches it: one engine for all, behind a link that may delay, be cut, or lose the
 * answer, and an engine that may be away for a while.
 *
 * A request that meets a cut or an engine that is away is told so after a while: `Unavailable` where it certainly was not done,
 * `Unknown` where the answer was lost. A watch whose link is cut hears nothing, and afterwards all of it, or `reset`.
 */
import { EpicError } from '@epicserver/contracts'
import type {
  ClusterStore,
  ClusterStoreLimits,
  LeaseId,
  Rec,
  Rev,
  Txn,
  TxnResult,
  WatchEvent,
} from '@epicserver/contracts'
import { MemoryCluster } from '@epicserver/cluster-memory'
import type { CrashPoint } from './crash-points.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { Scheduled, VirtualTime } from './virtual-time.ts'

type Range = readonly [low: number, high: number]

export interface EngineWeather {
  latencyMs: Range
  /** Shares of the requests that are not done, and of those that are, and whose answer is lost. */
  lost: number
  unanswered: number
}

export const FAIR_ENGINE: Readonly<EngineWeather> = { latencyMs: [0.1, 1], lost: 0, unanswered: 0 }

/** How long a client waits for an answer that does not come. */
const PATIENCE_MS: Range = [50, 1_500]

/** The process that asks. */
export interface EngineUser {
  readonly host: string
  isAlive(): boolean
  /** Whether the process dies here; then it is dead already. */
  diesAt(point: CrashPoint): boolean
  /** Runs something in the process: now, when it goes on, or never. */
  answer(what: string, run: () => void): void
}

/** The engine, and the ways to it. */
export class SimulatedEngine {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly weather: EngineWeather = { ...FAIR_ENGINE }
  readonly #cluster: MemoryCluster
  readonly #cuts = new Set<string>()
  readonly #noteFate: (fate: string) => void
  #expiry: Scheduled | undefined
  /** When that is due. */
  #expiryAt = Infinity
  #isUp = true
  /** Told when leases may have ended by themselves. */
  onExpiry: () => void = () => undefined

  constructor(time: VirtualTime, random: SeededRandom, noteFate: (fate: string) => void) {
    this.time = time
    this.random = random
    this.#noteFate = noteFate
    this.#cluster = new MemoryCluster({
      now: () => time.now,
      defer: (run) => void time.after(random.between(...this.weather.latencyMs), run),
      storeId: 'engine',
    })
  }

  connect(user: EngineUser): ClusterStore {
    return new EngineLink(this, this.#cluster, user)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Nobody is answered, and no lease ends, until `comeBack`. */
  goDown(): void {
    this.#isUp = false
    this.watchExpiry()
  }

  /** Leases that ran out meanwhile end now, or are all extended, as a new leader does. */
  comeBack(extendsLeases: boolean): void {
    if (this.#isUp) return
    this.#isUp = true
    if (extendsLeases) this.#cluster.restart()
    this.watchExpiry()
  }

  cut(host: string): void {
    this.#cuts.add(host)
  }

  mend(host: string): void {
    this.#cuts.delete(host)
  }

  heal(): void {
    this.#cuts.clear()
    this.comeBack(true)
  }

  isReachableFrom(host: string): boolean {
    return this.#isUp && !this.#cuts.has(host)
  }

  noteFate(fate: string): void {
    this.#noteFate(fate)
  }

  /** Whether a lease was granted and has not ended, as the engine has it. */
  hasLease(id: LeaseId): boolean {
    return this.#cluster.hasLease(id)
  }

  /** A supervisor has seen that the process with this lease is dead. */
  attestDeath(lease: LeaseId): void {
    this.time.after(this.random.between(2, 20), () => {
      // An engine that is away loses the attestation: the lease then runs out by itself.
      if (this.#isUp) void this.#cluster.revoke(lease).then(() => this.watchExpiry())
    })
  }

  /** The engine has no timers: somebody must look when the next lease ends. */
  watchExpiry(): void {
    const at = this.#isUp ? this.#cluster.nextExpiryAt : Infinity
    if (at === this.#expiryAt) return
    this.#expiry?.cancel()
    this.#expiryAt = at
    if (at === Infinity) return
    this.#expiry = this.time.at(at, () => {
      this.#expiryAt = Infinity
      this.#cluster.handleTick(this.time.now)
      this.onExpiry()
      this.watchExpiry()
    })
  }
}

/** One process's way to the engine. */
class EngineLink implements ClusterStore {
  readonly #engine: SimulatedEngine
  readonly #client: ClusterStore
  readonly #user: EngineUser

  constructor(engine: SimulatedEngine, cluster: MemoryCluster, user: EngineUser) {
    this.#engine = engine
    this.#client = cluster.connect()
    this.#user = user
  }

  get limits(): ClusterStoreLimits {
    return this.#client.limits
  }

  get(key: string): Promise<Rec | null> {
    return this.#ask(`get ${key}`, () => this.#client.get(key))
  }

  list(prefix: string): Promise<{ readonly recs: readonly Rec[]; readonly rev: Rev }> {
    return this.#ask(`list ${prefix}`, () => this.#client.list(prefix))
  }

  txn(txn: Txn): Promise<TxnResult> {
    const keys = txn.then.map((op) => op.key).join(' ')
    return this.#ask(`txn ${keys}`, () => this.#client.txn(txn))
  }

  grant(ttlMs: number): Promise<{ readonly id: LeaseId; readonly ttlMs: number }> {
    return this.#ask('grant', () => this.#client.grant(ttlMs))
  }

  keepAlive(id: LeaseId): Promise<{ readonly ttlMs: number }> {
    return this.#ask('keepAlive', () => this.#client.keepAlive(id))
  }

  revoke(id: LeaseId): Promise<void> {
    return this.#ask('revoke', () => this.#client.revoke(id))
  }

  watch(
    prefix: string,
    from: Rev,
    on: (events: readonly WatchEvent[] | 'reset') => void,
  ): { close(): void } {
    const { time, random, weather } = this.#engine
    let isClosed = false
    let arrivesAt = 0
    /** In order: one that meets a cut holds up those behind it, and none overtakes another. */
    const underWay: (readonly WatchEvent[] | 'reset')[] = []
    const pass = (): void => {
      if (isClosed || !this.#user.isAlive()) return
      if (this.#engine.isReachableFrom(this.#user.host)) {
        const events = underWay.shift() as readonly WatchEvent[] | 'reset'
        this.#user.answer(`watch ${prefix}`, () => {
          if (!isClosed) on(events)
        })
      } else {
        arrivesAt = Math.max(arrivesAt, time.now + random.between(50, 500))
        time.at(arrivesAt, pass)
      }
    }
    const inner = this.#client.watch(prefix, from, (events) => {
      arrivesAt = Math.max(arrivesAt, time.now + random.between(...weather.latencyMs))
      underWay.push(events)
      time.at(arrivesAt, pass)
    })
    return {
      close: () => {
        isClosed = true
        inner.close()
      },
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  #ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    const { time, random, weather } = this.#engine
    return new Promise((resolve, reject) => {
      if (!this.#user.isAlive() || this.#user.diesAt('leaseBegun')) return
      const fail = (error: EpicError): void => this.#failLater(what, error, reject)
      time.after(random.between(...weather.latencyMs), () => {
        if (!this.#engine.isReachableFrom(this.#user.host)) {
          fail(random.chance(0.5) ? unavailable(what) : unknown(what))
        } else if (random.chance(weather.lost)) {
          this.#engine.noteFate('engine.lost')
          fail(unknown(what))
        } else {
          this.#perform(what, request, { resolve, reject })
        }
      })
    })
  }

  #perform<T>(
    what: string,
    request: () => Promise<T>,
    { resolve, reject }: { resolve: (value: T) => void; reject: (error: unknown) => void },
  ): void {
    const answer = request()
    this.#engine.watchExpiry()
    const { time, random, weather } = this.#engine
    if (this.#user.isAlive() && this.#user.diesAt('leaseApplied')) {
      answer.catch(() => undefined)
      return
    }
    const isLost = random.chance(weather.unanswered)
    if (isLost) this.#engine.noteFate('engine.unanswered')
    const later = (run: () => void): void => {
      time.after(random.between(...weather.latencyMs), () => {
        if (isLost || !this.#engine.isReachableFrom(this.#user.host)) {
          this.#failLater(what, unknown(what), reject)
        } else {
          this.#user.answer(what, run)
        }
      })
    }
    answer.then(
      (value) => later(() => resolve(value)),
      (error: unknown) => later(() => reject(error)),
    )
  }

  #failLater(what: string, error: EpicError, reject: (error: unknown) => void): void {
    const { time, random } = this.#engine
    time.after(random.between(...PATIENCE_MS), () => {
      this.#user.answer(`${what}: ${error.code}`, () => reject(error))
    })
  }
}

function unavailable(what: string): EpicError {
  return new EpicError('Unavailable', `Cannot ${what}: the cluster store is not reachable`)
}

function unknown(what: string): EpicError {
  return new EpicError('Unknown', `Cannot tell whether "${what}" was done: the answer was lost`)
}
