/**
 * What may go wrong in a simulated cluster, and the one who makes it go wrong: at random, from the seed.
 *
 * A fault has a beginning and, after a while, an end; several may be under way. Besides, a process may die at each of its
 * effects. Each seed draws its own mixture (which kinds, how often), because a run in which everything happens is a run in which
 * nothing ever happens for long.
 */
import { CRASH_POINTS, type CrashPoint } from './crash-points.ts'
import type { SeededRandom } from './seeded-random.ts'
import { CLOCK_ERROR_MS } from './limits.ts'
import type { SimulatedHost } from './simulated-host.ts'
import { FAIR_ENGINE, type SimulatedEngine } from './simulated-cluster-store.ts'
import { FAIR_NETWORK, type NetworkWeather, type SimulatedNetwork } from './simulated-network.ts'
import { FAIR_STORE, type StoreWeather } from './simulated-state-store.ts'
import type { Scheduled, VirtualTime } from './virtual-time.ts'

/** How often and what: see {@link drawFaults} for a mixture from a seed. */
export interface FaultProfile {
  /** The mean time between two faults. */
  readonly everyMs: number
  readonly kinds: readonly FaultKind[]
  /** The chance to die at each passage of a point. */
  readonly crashChance: Readonly<Partial<Record<CrashPoint, number>>>
}

/** What faults are done to. */
export interface FaultyWorld {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly hosts: readonly SimulatedHost[]
  readonly network: SimulatedNetwork
  readonly engine: SimulatedEngine
  readonly storeWeather: StoreWeather
  note(what: string, detail: string): void
}

/** The world as one fault sees it. */
interface FaultScene extends FaultyWorld {
  /** Lets the fault go on after a while: not at all once the world was healed, or it would begin again behind that. */
  readonly later: (delayMs: number, run: () => void) => void
}

type Begin = (world: FaultScene, host: SimulatedHost, forMs: number) => void

/** What may happen to any server. A seed draws from this list, so whoever changes it changes what every recorded seed means. */
export const FAULT_KINDS = [
  'crash',
  'partition',
  'isolation',
  'oneWayCut',
  'slowNetwork',
  'engineCut',
  'engineOutage',
  'engineTrouble',
  'slowEngine',
  'stop',
  'suspension',
  'doze',
  'clockStep',
  'slowStore',
  'refusingStore',
  'fullStore',
  'silentStore',
  'restart',
  'drain',
] as const

/** Those that need several machines to show. */
export const CLUSTER_FAULT_KINDS = ['flapping', 'overtaking', 'looseControl', 'swapping'] as const

/** A kind of trouble that a simulation may have. */
export type FaultKind = (typeof FAULT_KINDS)[number] | (typeof CLUSTER_FAULT_KINDS)[number]

const FAULTS: Readonly<Record<FaultKind, Begin>> = {
  /** kill -9, seen by a supervisor or not. */
  crash: (_world, host) => host.crash('killed'),
  /** Two groups that do not hear each other. */
  partition(world, _host, forMs) {
    const side = new Set(world.hosts.filter(() => world.random.chance(0.5)))
    cut(world, forMs, (from, to) => side.has(from) !== side.has(to))
  },
  isolation(world, host, forMs) {
    cut(world, forMs, (from, to) => from === host || to === host)
    cutEngine(world, host, forMs)
  },
  oneWayCut(world, host, forMs) {
    const isOutward = world.random.chance(0.5)
    cut(world, forMs, (from, to) => (isOutward ? from : to) === host)
  },
  slowNetwork(world, _host, forMs) {
    networkTrouble(world, forMs, { tail: world.random.between(0.01, 0.3) })
  },
  engineCut: (world, host, forMs) => cutEngine(world, host, forMs),
  engineOutage(world, _host, forMs) {
    if (!world.engine.isUp) return
    const extendsLeases = world.random.chance(0.5)
    world.engine.goDown()
    world.later(forMs, () => world.engine.comeBack(extendsLeases))
  },
  engineTrouble(world, _host, forMs) {
    const { weather } = world.engine
    weather.lost = world.random.between(0, 0.3)
    weather.unanswered = world.random.between(0, 0.3)
    world.later(forMs, () => Object.assign(weather, { lost: 0, unanswered: 0 }))
  },
  slowEngine(world, _host, forMs) {
    const { weather } = world.engine
    weather.latencyMs = [1, world.random.between(10, 1_500)]
    world.later(forMs, () => Object.assign(weather, { latencyMs: FAIR_ENGINE.latencyMs }))
  },
  /** SIGSTOP: time goes on without the process. */
  stop(world, host, forMs) {
    host.stop('stopped')
    world.later(forMs, () => host.resume())
  },
  /** The machine is suspended: its monotonic clock stands still. */
  suspension(world, host, forMs) {
    host.stop('suspended')
    world.later(forMs, () => host.resume())
  },
  /** Suspensions that are each too short to notice, while no renewal gets through. */
  doze(world, host, forMs) {
    cutEngine(world, host, forMs)
    for (let atMs = 0; atMs < forMs; atMs += 1_000) {
      world.later(atMs + world.random.between(0, 300), () => {
        host.stop('suspended')
        world.later(world.random.between(100, 700), () => host.resume())
      })
    }
  },
  clockStep: (world, host) =>
    host.clock.setWrong(world.random.between(-CLOCK_ERROR_MS, CLOCK_ERROR_MS)),
  slowStore: (world, _host, forMs) => storeTrouble(world, forMs, { commitMs: [5, 500] }),
  refusingStore: (world, _host, forMs) => storeTrouble(world, forMs, { refused: share(world) }),
  fullStore: (world, _host, forMs) => storeTrouble(world, forMs, { full: share(world) }),
  /** The worst: what was done and what was not cannot be told apart. */
  silentStore: (world, _host, forMs) =>
    storeTrouble(world, forMs, {
      lost: share(world) / 3,
      unanswered: share(world) / 3,
      late: share(world) / 3,
    }),
  /** A restart in order, as when a new version is rolled out. */
  restart: (_world, host) => host.leave(),
  drain(world, host, forMs) {
    host.drain()
    world.later(forMs, () => host.activate())
  },
  /** A link that is there and not there. */
  flapping(world, host, forMs) {
    for (let atMs = 0; atMs < forMs; atMs += 800) {
      const awayMs = world.random.between(50, 600)
      world.later(atMs, () => cut(world, awayMs, (from, to) => from === host || to === host))
    }
  },
  overtaking: (world, _host, forMs) => networkTrouble(world, forMs, { areLanesApart: true }),
  looseControl: (world, _host, forMs) =>
    networkTrouble(world, forMs, {
      controlLost: share(world) / 2,
      controlDoubled: share(world) / 2,
      controlLate: share(world) / 2,
    }),
  /** Too little memory: the process stands still for moments, the engine answers late, and then the way to it breaks. */
  swapping(world, host, forMs) {
    const slowMs = forMs / 2
    FAULTS.slowEngine(world, host, slowMs)
    for (let atMs = 0; atMs < slowMs; atMs += 1_000) {
      world.later(atMs + world.random.between(0, 300), () => {
        host.stop('stopped')
        world.later(world.random.between(100, 900), () => host.resume())
      })
    }
    world.later(world.random.between(0, slowMs), () => cutEngine(world, host, forMs))
  },
}

/** Draws a mixture of faults from a seed: each run has some kinds and not others, often or rarely. */
export function drawFaults(
  random: SeededRandom,
  from: readonly FaultKind[] = FAULT_KINDS,
): FaultProfile {
  const kinds = from.filter(() => random.chance(0.5))
  const points = CRASH_POINTS.filter(() => random.chance(0.5))
  const crashChance = 10 ** -random.between(3, 5)
  return {
    everyMs: random.between(300, 6_000),
    kinds: kinds.length === 0 ? from : kinds,
    crashChance: Object.fromEntries(points.map((point) => [point, crashChance])),
  }
}

/** Makes things go wrong until it is told to stop. */
export class FaultInjector {
  readonly counts: Record<string, number> = {}
  readonly #world: FaultyWorld
  #heals = 0
  #profile: FaultProfile | null = null
  #next: Scheduled | undefined

  constructor(world: FaultyWorld) {
    this.#world = world
  }

  start(profile: FaultProfile): void {
    this.stop()
    this.#profile = profile
    this.#schedule(profile)
  }

  /** No new faults; what is under way goes on until `heal`. */
  stop(): void {
    this.#profile = null
    this.#next?.cancel()
  }

  /** Begins one fault now, with its end after `forMs`. */
  begin(kind: FaultKind, host: SimulatedHost, forMs: number): void {
    this.count(kind)
    this.#world.note('fault', `${kind} at ${host.name} for ${forMs.toFixed(0)} ms`)
    FAULTS[kind](this.#scene(), host, forMs)
  }

  /** Whether a process dies at this passage of a point. */
  crashes(point: CrashPoint): boolean {
    const chance = this.#profile?.crashChance[point]
    if (chance === undefined || !this.#world.random.chance(chance)) return false
    this.count(`crash.${point}`)
    return true
  }

  count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  /** Ends everything that is going wrong. */
  heal(): void {
    const { network, engine, storeWeather, hosts } = this.#world
    this.stop()
    this.#heals += 1
    network.heal()
    Object.assign(network.weather, FAIR_NETWORK)
    Object.assign(engine.weather, FAIR_ENGINE)
    engine.heal()
    Object.assign(storeWeather, FAIR_STORE)
    for (const host of hosts) {
      host.resume()
      host.activate()
    }
  }

  #scene(): FaultScene {
    const { time, random, hosts, network, engine, storeWeather } = this.#world
    const heals = this.#heals
    return {
      time,
      random,
      hosts,
      network,
      engine,
      storeWeather,
      note: (what, detail) => this.#world.note(what, detail),
      later: (delayMs, run) =>
        void time.after(delayMs, () => {
          if (heals === this.#heals) run()
        }),
    }
  }

  #schedule(profile: FaultProfile): void {
    const { time, random, hosts } = this.#world
    const delayMs = -Math.log(1 - random.next()) * profile.everyMs
    this.#next = time.after(delayMs, () => {
      this.#schedule(profile)
      this.begin(random.pick(profile.kinds), random.pick(hosts), random.between(20, 6_000))
    })
  }
}

function cut(
  { network, hosts, later }: FaultScene,
  forMs: number,
  isCut: (from: SimulatedHost, to: SimulatedHost) => boolean,
): void {
  const pairs = hosts.flatMap((from) => {
    return hosts
      .filter((to) => from !== to && isCut(from, to))
      .map((to) => [from.name, to.name] as const)
  })
  for (const [from, to] of pairs) network.cut(from, to)
  later(forMs, () => {
    for (const [from, to] of pairs) network.mend(from, to)
  })
}

function cutEngine({ engine, later }: FaultScene, host: SimulatedHost, forMs: number): void {
  engine.cut(host.name)
  later(forMs, () => engine.mend(host.name))
}

function networkTrouble(
  { network, later }: FaultScene,
  forMs: number,
  trouble: Partial<NetworkWeather>,
): void {
  Object.assign(network.weather, trouble)
  const keys = Object.keys(trouble) as (keyof NetworkWeather)[]
  later(forMs, () => {
    Object.assign(network.weather, Object.fromEntries(keys.map((key) => [key, FAIR_NETWORK[key]])))
  })
}

function storeTrouble(
  { storeWeather, later }: FaultScene,
  forMs: number,
  trouble: Partial<StoreWeather>,
): void {
  Object.assign(storeWeather, trouble)
  const keys = Object.keys(trouble) as (keyof StoreWeather)[]
  later(forMs, () => {
    Object.assign(storeWeather, Object.fromEntries(keys.map((key) => [key, FAIR_STORE[key]])))
  })
}

function share({ random }: FaultyWorld): number {
  return random.between(0.02, 0.5)
}
