/**
 * One entity in memory, with the table of its states.
 *
 * | state      | calls        | ends by                                   |
 * |------------|--------------|-------------------------------------------|
 * | `claiming` | wait         | the store granted or refused the claim    |
 * | `waking`   | wait         | `onActivate` finished or threw            |
 * | `active`   | run          | idleness, memory, stop, move; or a fence  |
 * | `draining` | wait, but for those of its own turns | its turns ended; it stays after all; or a fence |
 * | `sleeping` | wait         | `onDeactivate` and the last write ended   |
 * | `moving`   | wait         | the move was committed or given up        |
 * | `gone`     | –            | final: a new activation takes what waited |
 *
 * The object is small on purpose: a node holds millions. What few entities need hangs on it only
 * while they need it.
 */
import type { Call } from './call.ts'
import type { Gate } from './gate.ts'
import type { EntityType } from './entity-type.ts'
import type { Timer } from './timers.ts'

export type ActivationState =
  | 'claiming'
  | 'waking'
  | 'active'
  | 'draining'
  | 'sleeping'
  | 'moving'
  | 'gone'

/** What can happen to an activation. */
export type ActivationEvent =
  | 'claimed'
  | 'claimFailed'
  | 'awake'
  | 'wakeFailed'
  | 'drain'
  | 'stay'
  | 'sleep'
  | 'asleep'
  | 'move'
  | 'moved'
  | 'drop'

/** Every allowed step. An event that a state does not list is a mistake of the program. */
export const ACTIVATION_STEPS: Readonly<
  Record<ActivationState, Readonly<Partial<Record<ActivationEvent, ActivationState>>>>
> = {
  claiming: { claimed: 'waking', claimFailed: 'gone', drop: 'gone' },
  waking: { awake: 'active', wakeFailed: 'gone', drop: 'gone' },
  active: { drain: 'draining', sleep: 'sleeping', move: 'moving', drop: 'gone' },
  draining: { sleep: 'sleeping', move: 'moving', stay: 'active', drop: 'gone' },
  sleeping: { asleep: 'gone', drop: 'gone' },
  moving: { moved: 'gone', stay: 'active', drop: 'gone' },
  gone: {},
}

export class Activation {
  readonly type: EntityType
  readonly id: string
  state: ActivationState = 'claiming'
  /** The user's object; the kernel never looks inside. */
  instance: unknown = null
  /** What the driver remembers of the state as saved; opaque here. */
  saved: unknown = null
  /** Rises where a move was tried and given up: whatever the target was told is void then. */
  epoch: bigint
  version = 0n
  /** Calls accepted and not ended: waiting, queued and running. */
  accepted = 0
  running = 0
  /** When its last turn ended, on the node's coarse clock. */
  usedAt: number
  /** Calls that its turns have made and that wait in mailboxes of other entities of this node. */
  sentWaiting = 0
  /** What the driver notes of the last call that left for elsewhere; opaque here. */
  sentRound = 0
  /** What it is taken to cost in memory. */
  bytes: number
  /** Calls that wait for a state or a lock, first come first. */
  waiting: Call[] | null = null
  /** Turns that run or are queued to, where the class takes locks. */
  turns: Call[] | null = null
  /** Messages that wait and of which only the latest counts, see coalescing.ts. */
  latest: Map<string, Call> | null = null
  gate: Gate | null = null
  timers: Map<string, Timer> | null = null
  /** What the driver keeps for idempotent operations; opaque here. */
  dedup: unknown = null

  constructor(type: EntityType, id: string, epoch: bigint, now: number, bytes: number) {
    this.type = type
    this.id = id
    this.epoch = epoch
    this.usedAt = now
    this.bytes = bytes
  }

  /** Takes the step that the table allows, and says what state that led to. */
  step(event: ActivationEvent): ActivationState {
    const next = ACTIVATION_STEPS[this.state][event]
    if (next === undefined) {
      throw new Error(`${nameOfEntity(this)} cannot take the step ${event} while ${this.state}`)
    }
    this.state = next
    return next
  }
}

/** Names an entity in messages: `"Player/bob"`. */
export function nameOfEntity({ type, id }: Activation): string {
  return `"${type.plan.name}/${id}"`
}
