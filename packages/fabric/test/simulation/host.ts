/**
 * The entities of one process: lists of call ids, loaded by a claim, saved by a guarded write before the caller is answered.
 *
 * The smallest runtime that keeps the protocol's rules for an entity: claim before the first turn, one turn at a time, a write
 * guarded by epoch and version, memory not trusted after an unknown outcome, dedup saved with the state, the deadline asked
 * before each effect, activations stopped before a lost partition is acknowledged.
 */
import type { ClusterMember } from '@epicserver/fabric'
import type { DiskReply, SimState } from './disk.ts'
import { EMPTY_STATE } from './disk.ts'

/** A call of a caller outside. */
export interface SimCall {
  readonly callId: string
  readonly id: string
  readonly operation: 'append' | 'read'
  readonly reply: (length: number) => void
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
  readonly claim: (id: string, epoch: bigint, done: (outcome: DiskOutcome) => void) => void
  readonly write: (
    activation: Activation,
    state: SimState,
    done: (outcome: DiskOutcome) => void,
  ) => void
  /** Runs something after a few milliseconds of this process's time. */
  readonly later: (run: () => void) => void
  readonly mutations: ReadonlySet<string>
}

/** An entity in memory. */
export interface Activation {
  readonly id: string
  readonly epoch: bigint
  phase: 'claiming' | 'active' | 'draining' | 'gone'
  version: number
  state: SimState
  /** With the mutation `dedupApart`, what is remembered beside the state. */
  readonly remembered: Set<string>
  running: SimCall | undefined
  queue: SimCall[]
}

interface Stopping {
  readonly viewNo: number
  readonly activations: Set<Activation>
}

/** All activations of one process. */
export class SimHost {
  readonly #options: HostOptions
  readonly #activations = new Map<string, Activation>()
  #stopping: Stopping[] = []

  constructor(options: HostOptions) {
    this.#options = options
  }

  /** The ids that execute here now. */
  get active(): string[] {
    const executing = [
      ...this.#stopping.flatMap((stop) => [...stop.activations]),
      ...this.#activations.values(),
    ]
    const isExecuting = ({ phase }: Activation): boolean =>
      phase === 'active' || phase === 'draining'
    return executing.filter(isExecuting).map(({ id }) => id)
  }

  /** A call for an entity that this process serves. */
  handleCall(call: SimCall): void {
    const activation = this.#activations.get(call.id) ?? this.#activate(call.id)
    activation.queue.push(call)
    this.#advance(activation)
  }

  handleLost(partitions: readonly number[], viewNo: number): void {
    const lost = [...this.#activations.values()].filter(({ id }) =>
      partitions.includes(this.#options.partitionOf(id)),
    )
    this.#stopping.push({ viewNo, activations: new Set(lost) })
    for (const activation of lost) {
      this.#activations.delete(activation.id)
      activation.queue = []
      const isBusy = activation.phase === 'active'
      activation.phase = isBusy ? 'draining' : 'gone'
      if (activation.running === undefined) this.#options.later(() => this.#drop(activation))
    }
    this.#options.later(() => this.#ackStopped())
  }

  #activate(id: string): Activation {
    const epoch = this.#options.member.nextGrantEpoch(this.#options.partitionOf(id))
    const activation: Activation = {
      id,
      epoch,
      phase: 'claiming',
      version: 0,
      state: EMPTY_STATE,
      remembered: new Set(),
      running: undefined,
      queue: [],
    }
    this.#activations.set(id, activation)
    this.#claim(activation)
    return activation
  }

  #claim(activation: Activation): void {
    activation.phase = 'claiming'
    this.#options.claim(activation.id, activation.epoch, (outcome) => {
      if (activation.phase !== 'claiming') return
      if (outcome.ok) {
        activation.phase = 'active'
        activation.version = outcome.version
        activation.state = outcome.state
        this.#advance(activation)
      } else if (outcome.code === 'Fenced') {
        this.#drop(activation)
      } else {
        this.#options.later(() => {
          if (activation.phase === 'claiming') this.#claim(activation)
        })
      }
    })
  }

  /** Takes the next turn, if it may. */
  #advance(activation: Activation): void {
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
    activation.running = call
    const state: SimState = {
      log: [...activation.state.log, call.callId],
      done: new Set([...activation.state.done, call.callId]),
    }
    this.#options.write(activation, state, (outcome) => {
      if (activation.phase === 'gone') return
      activation.running = undefined
      this.#handleWritten(activation, call, state, outcome)
      if (activation.phase === 'draining') this.#drop(activation)
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
      this.#advance(activation)
    } else if (outcome.code === 'Unavailable') {
      this.#advance(activation)
    } else if (outcome.code === 'Fenced') {
      this.#drop(activation)
    } else if (this.#options.mutations.has('memoryKeptAfterUnknown')) {
      activation.version += 1
      activation.state = state
      this.#advance(activation)
    } else if (activation.phase === 'active') {
      this.#claim(activation)
    }
  }

  #done(activation: Activation): ReadonlySet<string> {
    return this.#options.mutations.has('dedupApart') ? activation.remembered : activation.state.done
  }

  get #canServe(): boolean {
    return this.#options.member.canServe(this.#options.now())
  }

  #drop(activation: Activation): void {
    activation.phase = 'gone'
    if (this.#activations.get(activation.id) === activation) this.#activations.delete(activation.id)
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
      const { viewNo } = this.#stopping.shift() as Stopping
      this.#options.member.ackLost(viewNo, this.#options.now())
    }
  }
}
