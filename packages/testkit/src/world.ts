/** The world of a simulation, as its test sees it. */
import { EpicError, type EntityId } from '@epicserver/contracts'
import type { EntityClasses, MoveOutcome, Pool } from '@epicserver/runtime'
import { callThrough } from './client.ts'
import type { ClientOutcome } from './client-outcome.ts'
import type { FaultKind, FaultProfile } from './faults.ts'
import type { Simulation } from './simulation.ts'

/** A length of virtual time. */
export interface Duration {
  readonly ms?: number
  readonly seconds?: number
  readonly minutes?: number
}

/** Looks at a world and throws where a promise is broken; it may let time go on. */
export type Check = (world: World) => void | Promise<void>

/** A simulated cluster, as a test steers it and looks at it. */
export class World<C extends EntityClasses = EntityClasses> {
  readonly #simulation: Simulation
  readonly #checks = new Set<Promise<void>>()

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  /** Milliseconds of virtual time since the simulation began. */
  get now(): number {
    return this.#simulation.time.now
  }

  /** The names of all hosts: `n1`, `n2`, … */
  get hosts(): readonly string[] {
    return this.#simulation.hosts.map(({ name }) => name)
  }

  /** A number from 0 (included) to 1 (excluded): for choices of the test that follow from the seed. */
  readonly random = (): number => this.#simulation.globals.random()

  // Time

  /** Lets time go on. */
  async run(duration: Duration): Promise<void> {
    const { time, loop } = this.#simulation
    await loop.runUntil(time.now + durationMs(duration))
  }

  // Clients

  /**
   * Calls entities as a client from outside does, through a node that serves.
   * @param use - makes the call; it ends with the node's process
   */
  async call<T>(
    use: (pool: Pool<C>) => Promise<T>,
    options: { readonly on?: string } = {},
  ): Promise<ClientOutcome<T>> {
    return callThrough(
      this.#simulation,
      (process) => use(process.node?.pool as unknown as Pool<C>),
      options.on,
    )
  }

  // What goes wrong

  /** Lets nothing pass between two groups of hosts, in both directions, until `heal`. */
  partition(group: readonly string[], others: readonly string[]): void {
    this.cut(group, others)
    this.cut(others, group)
  }

  /** Lets nothing pass from one group of hosts to another, until `heal`. */
  cut(from: readonly string[], to: readonly string[]): void {
    const { network } = this.#simulation
    this.#note('cut', `${from.join(' ')} > ${to.join(' ')}`)
    for (const a of from) for (const b of to) network.cut(this.#name(a), this.#name(b))
  }

  /** Lets a host not reach the cluster store, until `heal`. */
  cutEngine(host: string): void {
    this.#note('engine cut', host)
    this.#simulation.engine.cut(this.#name(host))
  }

  /** Takes the cluster store away from all, until `heal`. */
  stopEngine(): void {
    this.#note('engine', 'is away')
    this.#simulation.engine.goDown()
  }

  /** Ends all cuts, outages and troubles, and lets stopped hosts go on; what crashed stays down. */
  heal(): void {
    this.#note('heal', '')
    this.#simulation.faults.heal()
  }

  /** Ends the process of a host as kill -9 does; none is started there until `restart`. */
  crash(host: string): void {
    this.#simulation.host(host).crash('killed', { forGood: true })
  }

  /** Starts a process on a host that has none, and keeps one running there. */
  restart(host: string): void {
    this.#simulation.host(host).start()
  }

  // What operators do

  /** Stops the process of a host in order; none is started there until `restart`. */
  leave(host: string): void {
    this.#simulation.host(host).leave({ forGood: true })
  }

  /** Lets a host give all it has to others, until `activate`. */
  drain(host: string): void {
    this.#simulation.host(host).drain()
  }

  activate(host: string): void {
    this.#simulation.host(host).activate()
  }

  /** Asks a node that serves to move an entity to a host, and tells what came of it. */
  async move(entity: EntityId, host: string): Promise<ClientOutcome<MoveOutcome>> {
    const simulation = this.#simulation
    return callThrough(simulation, async ({ cluster }) => {
      const to = simulation.host(host).process?.cluster.member.nodeId
      if (to !== undefined) return cluster.move(entity, to)
      throw new EpicError('Unavailable', `Cannot move an entity to ${host}: no node runs there`)
    })
  }

  /** Stops a process (SIGSTOP), or suspends its whole machine, until `resume`. */
  pause(host: string, how: 'stopped' | 'suspended' = 'stopped'): void {
    this.#simulation.host(host).stop(how)
  }

  resume(host: string): void {
    this.#simulation.host(host).resume()
  }

  /** Sets the wall clock of a host forward or back. */
  stepClock(host: string, ms: number): void {
    this.#simulation.host(host).clock.step(ms)
  }

  /** Begins one fault, which ends after a while. */
  begin(kind: FaultKind, options: { readonly host: string; readonly duration: Duration }): void {
    const { faults } = this.#simulation
    faults.begin(kind, this.#simulation.host(options.host), durationMs(options.duration))
  }

  /** Lets things go wrong at random until `heal`. */
  storm(profile: FaultProfile): void {
    this.#note('storm', `every ${profile.everyMs.toFixed(0)} ms: ${profile.kinds.join(' ')}`)
    this.#simulation.faults.start(profile)
  }

  // Looking

  /** Checks promises, one after the other. A check may let time go on. */
  check(...checks: readonly Check[]): Promise<void> {
    const checked = this.#check(checks)
    this.#checks.add(checked)
    // Whoever does not await it hears of it from `simulate`.
    checked.catch(() => undefined)
    return checked
  }

  async #check(checks: readonly Check[]): Promise<void> {
    for (const check of checks) await check(this as unknown as World)
  }

  /** All that was checked, awaited or not. */
  async settleChecks(): Promise<void> {
    for (const check of this.#checks) await check
  }

  /** The last lines of what happened. */
  trace(lines?: number): string[] {
    return this.#simulation.trace.lines(lines)
  }

  #name(host: string): string {
    return this.#simulation.host(host).name
  }

  #note(what: string, detail: string): void {
    this.#simulation.note(what, detail)
  }

  /** For checks: the inside of a world. */
  static inside(world: World): Simulation {
    return world.#simulation
  }
}

function durationMs({ ms = 0, seconds = 0, minutes = 0 }: Duration): number {
  return ms + seconds * 1_000 + minutes * 60_000
}
