/**
 * One machine with one process: its clocks, its pauses and deaths, and the driver that performs a member's effects.
 *
 * This is what a runtime does, in small: a reading of the clocks before each turn, each event handed on, effects performed in
 * order, a wake-up when the member asks for one, a new member after a fence.
 */
import { ClusterMember } from '@epicserver/fabric'
import type { Effect, MemberConfig } from '@epicserver/fabric'
import type { Watched } from './checker.ts'
import { SimHost } from './host.ts'
import type { SimCall } from './host.ts'
import { SimClock } from './sim-clock.ts'
import type { World } from './world.ts'

interface Process {
  readonly name: string
  readonly member: ClusterMember
  readonly host: SimHost
  readonly watches: Map<number, () => void>
  wakeAt: number
}

/** A message of one node to another, as far as the driver is concerned. */
export interface Forwarded {
  readonly from: string
  readonly viewNo: number
  readonly call: SimCall
}

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

  // Messages

  /** A call from outside: served here, or sent on to its owner. */
  handleOutsideCall(call: SimCall): void {
    this.#deliver((process) => {
      const owner = process.member.ownerOf(this.#world.partitionOf(call.id))
      const self = process.member.nodeId
      if (owner === undefined || self === undefined || !process.member.canServe(this.clock.now))
        return
      const viewNo = process.member.view?.viewNo ?? 0
      const forwarded = { from: self, viewNo, call }
      if (owner === self) this.#admit(process, forwarded, 5)
      else this.#world.sendToLease(this.name, owner, (node) => node.handleForwarded(forwarded))
    })
  }

  handleForwarded(forwarded: Forwarded): void {
    this.#deliver((process) => this.#admit(process, forwarded, 5))
  }

  #admit(process: Process, forwarded: Forwarded, tries: number): void {
    const partition = this.#world.partitionOf(forwarded.call.id)
    const admission = process.member.admit({ ...forwarded, partition }, this.clock.now)
    if (admission === 'serve') process.host.handleCall(forwarded.call)
    else if (admission === 'wait' && tries > 0) {
      this.#later(process, 20, () => this.#admit(process, forwarded, tries - 1))
    }
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
      if (effect === undefined) return
      this.#performOne(process, effect)
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
