/**
 * The entities of one process: lists of call ids, loaded by a claim, saved by a guarded write before the caller is answered.
 *
 * The smallest runtime that keeps the protocol's rules for an entity: claim before the first turn, one turn at a time, a write
 * guarded by epoch and version, memory not trusted after an unknown outcome, dedup saved with the state, the deadline asked
 * before each effect, activations stopped before a lost partition is acknowledged, sealed between two turns before they move.
 *
 * Some entities are not saved at all: only leases and the directory keep them from running twice, so they test these hardest.
 */
import type { ClusterMember, EntityEffect, Place, Resident } from '@epicserver/fabric'
import type { DiskReply, SimState } from './disk.ts'
import { EMPTY_STATE } from './disk.ts'

/** A call of a caller outside. */
export interface SimCall {
  readonly callId: string
  readonly id: string
  readonly operation: 'append' | 'read'
  readonly reply: (length: number) => void
}

/** Where a call is to go, and how fresh that knowledge is; 0 for "ask there". */
export interface Whereabouts {
  readonly host: string
  readonly epoch: bigint
}

/** A disk's answer as a process gets it: over a link that may fail. */
export type DiskOutcome =
  | DiskReply
  | { readonly ok: false; readonly code: 'Unavailable' | 'Unknown' }

/** What a host needs of its process. */
export interface HostOptions {
  readonly member: ClusterMember
  readonly now: () => number
  readonly partitionOf: (id: string) => number
  readonly isSaved: (id: string) => boolean
  /** Whether an entity goes on when its partition goes to another owner. */
  readonly stays: (id: string) => boolean
  readonly claim: (id: string, epoch: bigint, done: (outcome: DiskOutcome) => void) => void
  readonly write: (
    activation: Activation,
    state: SimState,
    done: (outcome: DiskOutcome) => void,
  ) => void
  /** Runs something after a few milliseconds of this process's time. */
  readonly later: (run: () => void) => void
  /** Takes a call to wherever its entity is now. */
  readonly sendOn: (call: SimCall, to?: Whereabouts) => void
  /** Told of each saved entity that begins here with the state that came by a move. */
  readonly handleMoved: (arrived: Activation) => void
  readonly mutations: ReadonlySet<string>
}

/** An entity in memory. */
export interface Activation {
  readonly id: string
  epoch: bigint
  phase: 'claiming' | 'active' | 'draining' | 'sealing' | 'sealed' | 'adopting' | 'adopted' | 'gone'
  version: number
  state: SimState
  /** With the mutation `dedupApart`, what is remembered beside the state. */
  remembered: Set<string>
  running: SimCall | undefined
  queue: SimCall[]
}

interface Stopping {
  readonly viewNo: number
  readonly activations: Set<Activation>
  readonly staying: Resident[]
}

/** What a moved entity brings. */
interface Sealed {
  readonly version: number
  readonly state: SimState
  readonly remembered: ReadonlySet<string>
}

const EXECUTING: ReadonlySet<Activation['phase']> = new Set(['active', 'draining', 'sealing'])

/** All activations of one process. */
export class SimHost {
  readonly #options: HostOptions
  readonly #activations = new Map<string, Activation>()
  readonly #adoptions = new Map<string, Activation>()
  readonly #held = new Map<string, SimCall[]>()
  #stopping: Stopping[] = []

  constructor(options: HostOptions) {
    this.#options = options
  }

  /** The ids that execute here now. */
  get active(): readonly string[] {
    const ids: string[] = []
    for (const { id, phase } of this.#activations.values()) if (EXECUTING.has(phase)) ids.push(id)
    for (const stop of this.#stopping) {
      for (const { id, phase } of stop.activations) if (EXECUTING.has(phase)) ids.push(id)
    }
    return ids
  }

  has(id: string): boolean {
    return this.#activations.has(id)
  }

  /** An entity that could be moved or put away now. */
  idle(id: string): Resident | undefined {
    const activation = this.#activations.get(id)
    if (activation?.phase !== 'active') return undefined
    return { ...this.#placeOf(id), epoch: activation.epoch }
  }

  /** A call for an entity that is, or shall be, here. */
  handleCall(call: SimCall): void {
    const activation = this.#activations.get(call.id) ?? this.#activateAtHome(call.id)
    activation.queue.push(call)
    this.#advance(activation)
  }

  /** Keeps a call until the owner has said where its entity is. */
  holdCall(call: SimCall): void {
    this.#held.set(call.id, [...(this.#held.get(call.id) ?? []), call])
  }

  handleLost(partitions: readonly number[], viewNo: number): void {
    const lost = [...this.#activations.values()].filter(({ id }) =>
      partitions.includes(this.#options.partitionOf(id)),
    )
    const staying = lost.filter(({ id, phase }) => phase !== 'claiming' && this.#options.stays(id))
    const stopping = lost.filter((activation) => !staying.includes(activation))
    this.#stopping.push({
      viewNo,
      activations: new Set(stopping),
      staying: staying.map(({ id, epoch }) => ({ ...this.#placeOf(id), epoch })),
    })
    for (const activation of stopping) this.#stop(activation)
    this.#options.later(() => this.#ackStopped())
  }

  /** Puts an idle entity away, unless it is about to move. */
  passivate(id: string): void {
    const activation = this.#activations.get(id)
    if (activation?.phase !== 'active' || activation.running !== undefined) return
    if (this.#options.member.residents.isMoving(id)) return
    this.#drop(activation)
  }

  perform(effect: EntityEffect): void {
    switch (effect.kind) {
      case 'granted':
        this.#activate(effect.key, effect.epoch)
        this.#release(effect.key, (call) => this.handleCall(call))
        return
      case 'elsewhere':
        this.#release(effect.key, (call) => this.#options.sendOn(call, effect))
        return
      case 'seal':
        this.#seal(effect.key)
        return
      case 'adopt':
        this.#adopt(effect.key, effect.epoch, effect.payload as Sealed)
        return
      case 'start':
        this.#start(effect.key)
        return
      case 'drop':
        this.#adoptions.delete(effect.key)
        this.#release(effect.key, (call) => this.#options.sendOn(call))
        return
      case 'moved':
        this.#moveOut(effect.key, effect)
        return
      case 'resume':
        this.#resume(effect.key, effect.epoch)
    }
  }

  // Activation

  #activateAtHome(id: string): Activation {
    return this.#activate(id, this.#options.member.nextGrantEpoch(this.#options.partitionOf(id)))
  }

  #activate(id: string, epoch: bigint): Activation {
    const activation = this.#create(id, epoch, 'claiming')
    this.#activations.set(id, activation)
    this.#claim(activation)
    return activation
  }

  #create(id: string, epoch: bigint, phase: Activation['phase']): Activation {
    const remembered = new Set<string>()
    return {
      id,
      epoch,
      phase,
      version: 0,
      state: EMPTY_STATE,
      remembered,
      running: undefined,
      queue: [],
    }
  }

  #claim(activation: Activation): void {
    activation.phase = 'claiming'
    if (!this.#options.isSaved(activation.id)) {
      activation.phase = 'active'
      this.#advance(activation)
      return
    }
    const { epoch } = activation
    this.#options.claim(activation.id, epoch, (outcome) => {
      if (activation.phase !== 'claiming' || activation.epoch !== epoch) return
      if (outcome.ok) {
        activation.phase = 'active'
        activation.version = outcome.version
        activation.state = outcome.state
        this.#advance(activation)
      } else if (outcome.code === 'Fenced') {
        this.#drop(activation)
      } else {
        this.#options.later(() => {
          if (activation.phase === 'claiming' && activation.epoch === epoch) this.#claim(activation)
        })
      }
    })
  }

  // Turns

  /** Takes the next turn, if it may. */
  #advance(activation: Activation): void {
    if (activation.phase === 'sealing' && activation.running === undefined)
      this.#sealNow(activation)
    while (activation.phase === 'active' && activation.running === undefined) {
      const call = activation.queue.shift()
      if (call === undefined || !this.#canServe) return
      if (call.operation === 'read' || this.#done(activation).has(call.callId)) {
        call.reply(activation.state.log.length)
        continue
      }
      this.#append(activation, call)
    }
  }

  #append(activation: Activation, call: SimCall): void {
    const state: SimState = {
      log: [...activation.state.log, call.callId],
      done: new Set([...activation.state.done, call.callId]),
    }
    if (!this.#options.isSaved(activation.id)) {
      activation.state = state
      call.reply(state.log.length)
      return
    }
    activation.running = call
    this.#options.write(activation, state, (outcome) => {
      if (activation.running !== call) return
      activation.running = undefined
      if (activation.phase === 'gone') return
      this.#handleWritten(activation, call, state, outcome)
      if (activation.phase === 'draining') this.#drop(activation)
      else this.#advance(activation)
    })
  }

  #handleWritten(
    activation: Activation,
    call: SimCall,
    state: SimState,
    outcome: DiskOutcome,
  ): void {
    if (outcome.ok) {
      activation.version = outcome.version
      activation.state = state
      activation.remembered.add(call.callId)
      if (this.#canServe) call.reply(state.log.length)
    } else if (outcome.code === 'Fenced') {
      this.#drop(activation)
    } else if (outcome.code === 'Unknown') {
      this.#handleUnknown(activation, state)
    }
  }

  #handleUnknown(activation: Activation, state: SimState): void {
    if (this.#options.mutations.has('memoryKeptAfterUnknown')) {
      activation.version += 1
      activation.state = state
    } else if (activation.phase === 'sealing') {
      this.#options.member.residents.giveUp(activation.id, this.#now)
      activation.phase = 'sealed'
    } else if (activation.phase === 'active') {
      this.#claim(activation)
    }
  }

  #done(activation: Activation): ReadonlySet<string> {
    return this.#options.mutations.has('dedupApart') ? activation.remembered : activation.state.done
  }

  // Moving

  #seal(id: string): void {
    const activation = this.#activations.get(id)
    if (activation?.phase !== 'active') {
      if (activation === undefined) this.#options.member.residents.release(id, this.#now)
      else this.#options.member.residents.giveUp(id, this.#now)
      return
    }
    activation.phase = 'sealing'
    this.#options.later(() => this.#advance(activation))
  }

  #sealNow(activation: Activation): void {
    activation.phase = 'sealed'
    const { version, state, remembered } = activation
    const sealed: Sealed = { version, state, remembered: new Set(remembered) }
    this.#options.member.residents.sealed(activation.id, sealed, this.#now)
  }

  #resume(id: string, epoch: bigint): void {
    const activation = this.#activations.get(id)
    if (activation === undefined) {
      this.#options.member.residents.release(id, this.#now)
      return
    }
    activation.epoch = epoch
    if (activation.running === undefined) this.#claim(activation)
    // A write is on its way under the epoch of before: what becomes of it is waited for, or the copy here would be behind.
    else activation.phase = 'active'
  }

  #moveOut(id: string, to: Whereabouts): void {
    const activation = this.#activations.get(id)
    if (activation === undefined) return
    this.#activations.delete(id)
    activation.phase = 'gone'
    for (const call of activation.queue) this.#options.sendOn(call, to)
  }

  #adopt(id: string, epoch: bigint, sealed: Sealed): void {
    const { residents } = this.#options.member
    if (this.#activations.has(id)) {
      residents.refused(id, this.#now)
      return
    }
    const activation = this.#create(id, epoch, 'adopting')
    activation.version = sealed.version
    activation.state = sealed.state
    activation.remembered = new Set(sealed.remembered)
    this.#adoptions.set(id, activation)
    this.#options.later(() => {
      if (this.#adoptions.get(id) === activation) residents.adopted(id, this.#now)
    })
  }

  #start(id: string): void {
    const activation = this.#adoptions.get(id)
    if (activation === undefined) return
    this.#adoptions.delete(id)
    if (this.#options.isSaved(id)) this.#options.handleMoved(activation)
    this.#activations.set(id, activation)
    activation.phase = 'active'
    this.#release(id, (call) => activation.queue.push(call))
    this.#advance(activation)
  }

  // Ends

  #stop(activation: Activation): void {
    this.#activations.delete(activation.id)
    for (const call of activation.queue) this.#options.later(() => this.#options.sendOn(call))
    activation.queue = []
    if (this.#options.member.residents.isMoving(activation.id)) {
      this.#options.member.residents.release(activation.id, this.#now)
    }
    activation.phase = EXECUTING.has(activation.phase) ? 'draining' : 'gone'
    if (activation.running === undefined) this.#options.later(() => this.#drop(activation))
  }

  #drop(activation: Activation): void {
    activation.phase = 'gone'
    if (this.#activations.get(activation.id) === activation) {
      this.#activations.delete(activation.id)
      this.#options.member.residents.release(activation.id, this.#now)
    }
    for (const call of activation.queue) this.#options.later(() => this.#options.sendOn(call))
    activation.queue = []
    for (const stop of this.#stopping) stop.activations.delete(activation)
    this.#ackStopped()
  }

  #ackStopped(): void {
    for (const stop of this.#stopping) {
      for (const activation of stop.activations) {
        if (activation.phase === 'gone') stop.activations.delete(activation)
      }
    }
    while (this.#stopping[0]?.activations.size === 0) {
      const { viewNo, staying } = this.#stopping.shift() as Stopping
      const alive = staying.filter(({ key, epoch }) => this.#activations.get(key)?.epoch === epoch)
      this.#options.member.ackLost(viewNo, this.#now, alive)
    }
  }

  #release(id: string, take: (call: SimCall) => void): void {
    const held = this.#held.get(id) ?? []
    this.#held.delete(id)
    for (const call of held) take(call)
  }

  #placeOf(id: string): Place {
    return { key: id, partition: this.#options.partitionOf(id) }
  }

  get #now(): number {
    return this.#options.now()
  }

  get #canServe(): boolean {
    return this.#options.member.canServe(this.#now)
  }
}
