/**
 * One machine with one process: its clocks, its pauses and deaths, and the driver that performs a member's effects.
 *
 * This is what a runtime does, in small: a reading of the clocks before each turn, each event handed on, effects performed in
 * order, a wake-up when the member asks for one, a new member after a fence.
 */
import { ClusterMember } from '@epicserver/fabric'
import type { Effect, MemberConfig, Route } from '@epicserver/fabric'
import type { Watched } from './checker.ts'
import { SimHost } from './host.ts'
import type { SimCall, Whereabouts } from './host.ts'
import { SimClock } from './sim-clock.ts'
import type { World } from './world.ts'

interface Process {
  readonly name: string
  readonly member: ClusterMember
  readonly host: SimHost
  readonly watches: Map<number, () => void>
  wakeAt: number
}

/** A call that one node sends to another. */
export interface Forwarded {
  readonly from: string
  readonly viewNo: number
  readonly call: SimCall
  /** How fresh the sender's knowledge of the place is. */
  readonly epoch: bigint
  /** How often it may still be sent on. */
  readonly hops: number
}

const HOPS_MAX = 12

/** A machine. */
export class SimNode implements Watched {
  readonly name: string
  readonly clock: SimClock
  readonly #world: World
  readonly #inbox: (() => void)[] = []
  #process: Process | undefined
  #state: 'running' | 'stopped' | 'suspended' = 'running'
  #starts = 0

  constructor(world: World, name: string, rate: number) {
    this.name = name
    this.#world = world
    this.clock = new SimClock(rate, () => world.schedule.now)
  }

  // What the checker sees

  get lease(): string | undefined {
    return this.#process?.member.nodeId
  }

  get canServe(): boolean {
    if (this.#state === 'suspended') return false
    return this.#process?.member.canServe(this.clock.now) ?? false
  }

  get installedNo(): number {
    return this.#process?.member.installedNo ?? 0
  }

  get active(): readonly string[] {
    return this.#process?.host.active ?? []
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#state === 'running'
  }

  get hasProcess(): boolean {
    return this.#process !== undefined
  }

  // Faults

  start(): void {
    if (this.#process !== undefined) return
    this.#starts += 1
    const member = new ClusterMember(this.#config())
    const process: Process = {
      name: `${this.name}#${this.#starts}`,
      member,
      host: this.#host(member),
      watches: new Map(),
      wakeAt: Infinity,
    }
    this.#process = process
    this.#turn(process, () => member.join(this.clock.now))
  }

  /** Ends the process at this instant; with a supervisor, the engine hears of it soon. */
  kill(isSupervised: boolean): void {
    const lease = this.lease
    this.#end()
    if (!isSupervised || lease === undefined) return
    this.#world.schedule.after(this.#world.random.between(2, 20), () => {
      if (this.#world.engine.isUp) this.#world.engine.revoke(lease)
    })
  }

  /** SIGSTOP, or a suspended machine: nothing runs until `resume`; what arrives waits. */
  pause(how: 'stopped' | 'suspended'): void {
    if (this.#state !== 'running') return
    this.#state = how
    if (how === 'suspended') this.clock.suspend()
  }

  resume(): void {
    if (this.#state === 'running') return
    this.#state = 'running'
    this.#world.note(`${this.name} goes on`)
    this.clock.resume()
    const process = this.#process
    const waiting = this.#inbox.splice(0)
    if (process === undefined) return
    this.#turn(process, () => process.member.handleTick(this.clock.now))
    for (const run of waiting) run()
  }

  /** Asks the member for something, as an operator would. */
  ask(what: 'drain' | 'activate' | 'leave'): void {
    const process = this.#process
    if (process === undefined || this.#state !== 'running') return
    this.#turn(process, () => process.member[what](this.clock.now))
  }

  /** Moves one of the roaming entities that are active here, or puts one away. */
  stir(): void {
    const process = this.#process
    const { random, nodes } = this.#world
    if (process === undefined || this.#state !== 'running') return
    const id = random.pick(this.#world.roaming)
    const resident = process.host.idle(id)
    const target = random.pick(nodes).lease
    if (resident === undefined || target === undefined) return
    this.#turn(process, () => {
      if (random.chance(0.2)) process.host.passivate(id)
      else process.member.residents.move(resident, target, this.clock.now)
    })
  }

  // Calls

  /** A call from outside. */
  handleOutsideCall(call: SimCall): void {
    this.#deliver((process) => this.#dispatch(process, call, HOPS_MAX))
  }

  handleForwarded(forwarded: Forwarded): void {
    this.#deliver((process) => this.#admit(process, forwarded))
  }

  /** The answer `Moved`: takes note and looks again. */
  handleMoved(from: string, call: SimCall, to: Whereabouts, hops: number): void {
    this.#deliver((process) => {
      process.member.residents.forget(call.id, from)
      if (to.epoch > 0n) process.member.residents.learn(call.id, to.host, to.epoch)
      this.#dispatch(process, call, hops, to)
    })
  }

  /** Takes a call to where its entity is, as far as this node knows. */
  #dispatch(process: Process, call: SimCall, hops: number, to?: Whereabouts): void {
    if (hops === 0) return
    if (process.host.has(call.id)) {
      process.host.handleCall(call)
      return
    }
    const route = this.#route(process, call.id)
    if (route.kind === 'here') {
      process.host.handleCall(call)
    } else if (route.kind === 'wait') {
      this.#later(process, 20, () => this.#dispatch(process, call, hops - 1))
    } else {
      this.#forward(process, call, hops, to ?? route)
    }
  }

  #forward(process: Process, call: SimCall, hops: number, to: Whereabouts): void {
    const from = process.member.nodeId
    if (from === undefined) return
    const viewNo = process.member.view?.viewNo ?? 0
    const forwarded = { from, viewNo, call, epoch: to.epoch, hops: hops - 1 }
    this.#world.sendToLease(this.name, to.host, (node) => node.handleForwarded(forwarded))
  }

  /** Where an entity is; one that is nowhere may be placed by its owner. */
  #route(process: Process, id: string): Route {
    const { residents } = process.member
    const place = { key: id, partition: this.#world.partitionOf(id) }
    const route = residents.route(place, this.clock.now)
    const { random, nodes } = this.#world
    const host = random.pick(nodes).lease
    const isPlaced = this.#world.roaming.includes(id) && random.chance(0.5)
    if (route.kind !== 'here' || !isPlaced || host === undefined) return route
    return residents.place(place, host, this.clock.now)
  }

  #admit(process: Process, forwarded: Forwarded): void {
    const { call, hops, from } = forwarded
    const { member, host } = process
    const partition = this.#world.partitionOf(call.id)
    const admission = member.admit({ ...forwarded, partition }, this.clock.now)
    if (admission === 'drop') return
    if (host.has(call.id)) {
      host.handleCall(call)
    } else if (admission === 'wait' && hops > 0) {
      this.#later(process, 20, () => this.#admit(process, { ...forwarded, hops: hops - 1 }))
    } else if (admission === 'serve') {
      const route = this.#route(process, call.id)
      if (route.kind === 'here') host.handleCall(call)
      else if (route.kind === 'at') this.#answerMoved(process, from, call, route, hops)
    } else {
      this.#handleStray(process, forwarded)
    }
  }

  /** A call for an entity that is neither here nor at home here: it went away, or was placed here and is to begin. */
  #handleStray(process: Process, { call, from, epoch, hops }: Forwarded): void {
    const place = { key: call.id, partition: this.#world.partitionOf(call.id) }
    const owner = process.member.ownerOf(place.partition)
    if (this.#world.roaming.includes(call.id)) {
      const route = process.member.residents.resolve(place, epoch, this.clock.now)
      if (route.kind === 'at') this.#answerMoved(process, from, call, route, hops)
      else process.host.holdCall(call)
    } else if (owner !== undefined && owner !== process.member.nodeId) {
      this.#answerMoved(process, from, call, { host: owner, epoch: 0n }, hops)
    }
  }

  #answerMoved(
    process: Process,
    to: string,
    call: SimCall,
    where: Whereabouts,
    hops: number,
  ): void {
    const from = process.member.nodeId
    if (from === undefined) return
    this.#world.sendToLease(this.name, to, (node) => node.handleMoved(from, call, where, hops))
  }

  // The driver

  #config(): MemberConfig {
    const { random, ttlMs, options, mutations } = this.#world
    return {
      address: this.name,
      boot: this.name,
      appVersion: '1',
      ttlMs,
      random: () => random.next(),
      options,
      mutations,
    }
  }

  #host(member: ClusterMember): SimHost {
    const world = this.#world
    const { disk, links, simMutations } = world
    return new SimHost({
      member,
      now: () => this.clock.now,
      partitionOf: (id) => world.partitionOf(id),
      isSaved: (id) => !world.unsaved.includes(id),
      stays: (id) => world.roaming.includes(id) && world.random.chance(0.6),
      sendOn: (call, to) =>
        this.#deliver((process) => this.#dispatch(process, call, HOPS_MAX - 2, to)),
      handleMoved: ({ id, version, state }) =>
        world.checker.handleMoved(id, { version, log: state.log }, disk.stored(id)),
      claim: (id, epoch, done) => {
        this.#fromDisk((finish) => links.askDisk(() => disk.claim(id, epoch), finish), done)
      },
      write: (activation, state, done) => {
        const { id, epoch, version } = activation
        this.#fromDisk(
          (finish) => links.askDisk(() => disk.write(id, { epoch, version }, state), finish),
          done,
        )
      },
      later: (run) => {
        const process = this.#process
        if (process !== undefined) this.#later(process, world.random.between(0, 5), run)
      },
      mutations: simMutations,
    })
  }

  #fromDisk<T>(ask: (finish: (outcome: T) => void) => void, done: (outcome: T) => void): void {
    const process = this.#process
    if (process === undefined) return
    ask((outcome) => this.#deliverTo(process, () => done(outcome)))
  }

  #later(process: Process, delayMs: number, run: () => void): void {
    this.#world.schedule.after(delayMs, () => this.#deliverTo(process, run))
  }

  #deliver(run: (process: Process) => void): void {
    const process = this.#process
    if (process !== undefined) this.#deliverTo(process, () => run(process))
  }

  /** An event for a process: at once, when it can run again, or never. */
  #deliverTo(process: Process, run: () => void): void {
    if (this.#process !== process) return
    if (this.#state === 'running') this.#turn(process, run)
    else this.#inbox.push(() => this.#deliverTo(process, run))
  }

  /** One turn of the process's event loop. */
  #turn(process: Process, run: () => void): void {
    const { wallMs, uptimeMs } = this.clock
    const reading = { wallMs, uptimeMs, boot: this.name }
    process.member.handleClock(reading, this.clock.now)
    this.#perform(process)
    if (this.#process !== process) return
    run()
    this.#perform(process)
    if (this.#process === process) this.#setAlarm(process)
  }

  #perform(process: Process): void {
    for (;;) {
      const effect = process.member.pollEffect()
      if (effect === undefined) break
      this.#performOne(process, effect)
    }
    for (;;) {
      const effect = process.member.residents.pollEffect()
      if (effect === undefined) break
      process.host.perform(effect)
    }
  }

  #performOne(process: Process, effect: Effect): void {
    const { links, checker } = this.#world
    switch (effect.kind) {
      case 'fence':
        this.#end()
        this.#world.handleFence(this, effect.reason)
        return
      case 'sendPeer': {
        const from = process.member.nodeId
        if (from === undefined) return
        this.#world.sendToLease(this.name, effect.to, (node) =>
          node.#deliver((other) =>
            other.member.handlePeerMessage(from, effect.message, node.clock.now),
          ),
        )
        return
      }
      case 'gained': {
        const view = process.member.view
        if (view !== undefined)
          checker.handleGained(this.name, effect.epoch, view, this.#world.nodes)
        return
      }
      case 'lost':
        process.host.handleLost(effect.partitions, effect.viewNo)
        return
      case 'viewChanged':
        return
      case 'drained':
        this.#world.handleDrained(this)
        return
      case 'watch': {
        const end = links.watch(this.name, effect, (report) =>
          this.#deliverTo(process, () => process.member.handleWatch(report, this.clock.now)),
        )
        process.watches.set(effect.token, end)
        return
      }
      case 'unwatch':
        process.watches.get(effect.token)?.()
        return
      default:
        links.askEngine(this.name, process.name, effect, (reply) =>
          this.#deliverTo(process, () => process.member.handleStoreReply(reply, this.clock.now)),
        )
    }
  }

  #setAlarm(process: Process): void {
    const wakeAt = process.member.pollWakeAt()
    if (wakeAt >= process.wakeAt || wakeAt === Infinity) return
    process.wakeAt = wakeAt
    this.#world.schedule.after(Math.max(0.1, this.clock.trueDelayUntil(wakeAt)), () => {
      if (process.wakeAt === wakeAt) process.wakeAt = Infinity
      this.#deliverTo(process, () => process.member.handleTick(this.clock.now))
    })
  }

  #end(): void {
    for (const end of this.#process?.watches.values() ?? []) end()
    this.#process = undefined
    this.#inbox.length = 0
  }
}
