/**
 * One call: a request on its way, the turn that runs it, and the place where its outcome goes, in
 * one object.
 *
 * Three roles in one allocation, because the call between two entities of a process is the hot
 * path: as a *request* it waits in lanes and mailboxes; as a *turn* it runs, makes calls of its own
 * (`parent` points back) and holds locks; as an *outcome* it is settled once, by a reply, a
 * deadline or a failure, whichever comes first. The runtime's subclass knows what settling does.
 *
 * A *chain* is a call, the turn that waits for it, the call that this turn runs, and so on up.
 * Locks are reentrant along it, and its length is bounded. A one-way call begins a chain of its
 * own, since nobody waits for it: were it in its sender's chain it would run inside the sender's
 * locks. So does what the code of a turn that is over still calls.
 *
 * Fields have no initialisers, here and in subclasses: each class's own would take a tenth of what a
 * call inside a process costs.
 *
 * | status    | meaning                                   | next               |
 * |-----------|-------------------------------------------|--------------------|
 * | `made`    | not accepted by any entity of this node   | queued, waiting    |
 * | `queued`  | in the run queue                          | running, ended     |
 * | `waiting` | in its entity's mailbox: for a state or a lock | queued, ended |
 * | `running` | its method was called and has not settled | ended              |
 * | `ended`   | over, on this node                        | –                  |
 */
import type { Activation } from './activation.ts'
import type { OperationPlan } from './plan.ts'

export type CallStatus = 'made' | 'queued' | 'waiting' | 'running' | 'ended'

/** Names a turn across nodes, so that locks recognise their own chain of calls. */
export type TurnKey = string

const NO_TURNS: readonly TurnKey[] = []

export abstract class Call {
  declare readonly operation: OperationPlan
  /** Changed only by a newer message that takes the place of this one. */
  declare args: readonly unknown[]
  /**
   * The turn that made this call on this node; `null` for calls from outside, from timers and from
   * other nodes, and once the call is over (entities that hand on to each other without end would
   * otherwise keep all their calls in memory).
   */
  declare parent: Call | null
  /** The entity that runs the call, once one of this node has accepted it. */
  declare activation: Activation | null
  declare status: CallStatus
  /** Whether the outcome is decided; a turn may still run after its caller has given up. */
  declare settled: boolean
  /**
   * Whether somebody waits for the outcome. One that nobody awaits yet holds up none of the turns
   * above it; its driver says when that changes (`Kernel.handleAwaited`).
   */
  declare isAwaited: boolean
  /** How long the chain is that led to this call. */
  declare readonly depth: number
  /**
   * `Infinity` where there is none. Not 0: a field that holds a small integer first and a fraction
   * later changes the shape of all calls, and V8 may try for ever to optimise what makes them.
   */
  declare deadlineAt: number
  /** The lock-taking turns above this call; a call never waits for one of them. */
  declare readonly above: readonly TurnKey[]
  /** Set when the call runs in a class that takes locks. */
  declare turnKey: TurnKey | null
  /** Neighbours in a slot of the deadlines' wheel. */
  declare newerInSlot: Call | null
  declare olderInSlot: Call | null

  constructor(
    operation: OperationPlan,
    args: readonly unknown[],
    parent: Call | null,
    origin?: CallOrigin,
  ) {
    this.operation = operation
    this.args = args
    this.parent = parent
    this.activation = null
    this.status = 'made'
    this.settled = false
    this.isAwaited = true
    this.deadlineAt = Infinity
    this.turnKey = null
    this.newerInSlot = null
    this.olderInSlot = null
    if (operation.oneWay || parent?.status === 'ended') {
      this.depth = 0
      this.above = NO_TURNS
    } else if (parent === null) {
      this.depth = origin?.depth ?? 0
      this.above = origin?.above ?? NO_TURNS
    } else {
      this.depth = parent.depth + 1
      this.above = parent.turnKey === null ? parent.above : [...parent.above, parent.turnKey]
    }
  }

  /** The entity that makes the call, as `Player/bob`; empty where it is made from outside. */
  get caller(): string {
    const by = this.parent?.activation ?? null
    return by === null ? '' : `${by.type.plan.name}/${by.id}`
  }

  /** Ends a message whose arguments another runs with, in the place that it has in the queue. */
  endReplaced(): void {
    this.status = 'ended'
    this.succeed(undefined)
  }

  /** Ends a call that will not run. */
  endUnrun(error: unknown): void {
    this.status = 'ended'
    this.fail(error)
  }

  /**
   * Decides the outcome with a result; does nothing when it is decided already. Called by the
   * driver only.
   */
  abstract succeed(value: unknown): void
  /**
   * Decides the outcome with an error; does nothing when it is decided already. Called by the
   * driver and by the kernel.
   */
  abstract fail(error: unknown): void
}

/** Whether the turn of this name, which led to a call, waits for it: all calls between are awaited. */
export function isAwaitedBy(turnKey: TurnKey, call: Call): boolean {
  for (let each: Call | null = call; each !== null; each = each.parent) {
    if (!each.isAwaited || each.status === 'ended') return false
    if (each.parent?.turnKey === turnKey) return true
  }
  // The rest of the chain is on other nodes.
  return true
}

/** Whether one call is among those that led to the other. */
export function hasLedTo(above: Call, call: Call): boolean {
  for (let each = call.parent; each !== null; each = each.parent) if (each === above) return true
  return false
}

/** What a call from another node brings along of its chain. */
export interface CallOrigin {
  readonly depth: number
  readonly above: readonly TurnKey[]
}
