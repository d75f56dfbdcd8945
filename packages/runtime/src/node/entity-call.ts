/**
 * The calls of this process: what a ref's method makes, and what timers and the runtime itself make.
 *
 * A call that an entity with acknowledged durability makes waits at that entity's gate before it leaves; so does its outcome at
 * the gate of the entity that answers. Hence `Held`: released while it is still unsent it is sent, released after it ran its
 * outcome is delivered.
 *
 * A call is made for everything that happens, so its fields break two habits: they are assigned once, in the constructor, and none is
 * a `#field`. Initialisers cost 23 ns a call on Node 20 and private names 14, of some 340.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import {
  Call,
  type Activation,
  type CallNumber,
  type CallOrigin,
  type Held,
} from '@epicserver/kernel'
import type { OperationDescription } from '../model/class-description.ts'
import type { RefObject } from '../model/ref.ts'
import type { DueTask } from '../tasks/task-body.ts'
import { watchPromise } from './turn-context.ts'

/** Most calls have none; a list is only made for those that do. */
const NO_TWINS: EntityCall[] = []

/** What a call needs of the node that made it. */
export interface CallHome {
  /** Brings a call on its way to the entity's place. */
  dispatch(call: EntityCall): void
  /** Somebody awaits a call that nobody did before. */
  handleAwaited(call: EntityCall): void
  /** The outcome of an awaited call is decided. */
  handleSettled(call: EntityCall): void
  /** Whether a failed call goes on its way again instead of failing. */
  repeat(call: EntityCall, error: unknown): boolean
}

/** An outcome as it waits for its state to become durable. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown }

/** A call that this process makes to an entity, here or elsewhere. */
export class EntityCall extends Call implements Held {
  declare readonly operation: OperationDescription
  declare readonly ref: RefObject
  /** Which of its caller's calls to this entity it is, where the operation is idempotent. */
  declare number: CallNumber | null
  /** The durable task that it fires. */
  declare task: DueTask | null
  /** Who watches a node may name a call when it is made; the name travels with it. */
  declare trace: string | null
  /** It is on its way again, and nobody knows what became of it before. */
  declare mayHaveRun: boolean
  /** Repeats of this call that arrived while it ran. */
  declare twins: EntityCall[]
  declare protected readonly home: CallHome
  declare private outcome: Outcome | null

  constructor(
    home: CallHome,
    ref: RefObject,
    operation: OperationDescription,
    args: readonly unknown[],
    parent: Call | null,
    origin?: CallOrigin,
  ) {
    super(operation, args, parent, origin)
    this.ref = ref
    this.number = null
    this.task = null
    this.trace = null
    this.mayHaveRun = false
    this.twins = NO_TWINS
    this.home = home
    this.outcome = null
  }

  /** As people read it: `enterLevel of "Player/bob"`. */
  override toString(): string {
    return `${this.operation.name} of "${this.ref.toString()}"`
  }

  /** Keeps the outcome until the gate opens. */
  keep(outcome: Outcome): void {
    this.outcome = outcome
  }

  release(): void {
    if (this.outcome === null) this.home.dispatch(this)
    else this.conclude(this.outcome)
  }

  /** The state that this reveals was lost. A call that has not left never will; one that ran here may go on its way again. */
  drop(error: unknown, unsure: unknown = error): void {
    if (this.outcome === null) this.reject(error)
    else this.fail(unsure)
  }

  /** The call waits no more for its turn here: it begins, or has left for another node. */
  handleUnderWay(): void {}

  /** The operation has ended, and what came of it may be told. */
  conclude(outcome: Outcome): void {
    if ('error' in outcome) this.reject(outcome.error)
    else this.succeed(outcome.value)
  }

  override succeed(_value: unknown): void {
    this.settled = true
  }

  /** The operation threw, or the call cannot be made: decides the outcome for good. */
  reject(_error: unknown): void {
    this.settled = true
  }

  /** The runtime could not bring the call to its end. It may go on its way again instead of being rejected. */
  override fail(error: unknown): void {
    this.reject(error)
  }

  /** The repeats that wait for the outcome of this one; it has none from then on. */
  takeTwins(): EntityCall[] {
    const { twins } = this
    this.twins = NO_TWINS
    return twins
  }

  /** Whether the call goes on its way again: then it is as it was when it was made. */
  protected isRepeated(error: unknown): boolean {
    return !this.settled && this.home.repeat(this, error)
  }

  /** Makes the call as it was before it was sent. */
  reset(): void {
    this.status = 'made'
    this.activation = null
    this.turnKey = null
    this.twins = NO_TWINS
    this.outcome = null
  }

  protected settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.home.handleSettled(this)
    return true
  }
}

/** A call whose caller awaits the outcome. */
export class AwaitedCall extends EntityCall {
  declare readonly promise: Promise<unknown>
  declare private resolvePromise: (value: unknown) => void
  declare private rejectPromise: (error: unknown) => void

  /** The call whose promise is being made. */
  private static making: AwaitedCall

  /** One function for the promises of all calls: a closure for each would be a tenth of what a call costs. */
  private static readonly keepSettlers = (
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void => {
    AwaitedCall.making.resolvePromise = resolve
    AwaitedCall.making.rejectPromise = reject
  }

  constructor(
    home: CallHome,
    ref: RefObject,
    operation: OperationDescription,
    args: readonly unknown[],
    parent: Call | null,
  ) {
    super(home, ref, operation, args, parent)
    AwaitedCall.making = this
    this.promise = new Promise(AwaitedCall.keepSettlers)
    if (this.above.length > 0) {
      this.isAwaited = false
      watchPromise(this.promise, this)
    }
  }

  /** Only a call that holds up a turn with locks needs to know whether it does. */
  handleAwaited(): void {
    if (!this.isAwaited) this.home.handleAwaited(this)
  }

  override succeed(value: unknown): void {
    if (this.settle()) this.resolvePromise(value)
  }

  override reject(error: unknown): void {
    if (this.settle()) this.rejectPromise(error)
  }

  override fail(error: unknown): void {
    if (!this.isRepeated(error)) this.reject(this.mayHaveRun ? uncertain(this, error) : error)
  }
}

/** A call that the node makes itself (a timer, a task, a one-way message): errors go to `report`. */
export class UnawaitedCall extends EntityCall {
  readonly #report: (error: unknown, call: UnawaitedCall) => void

  constructor(
    home: CallHome,
    ref: RefObject,
    operation: OperationDescription,
    args: readonly unknown[],
    parent: Call | null,
    report: (error: unknown, call: UnawaitedCall) => void,
  ) {
    super(home, ref, operation, args, parent)
    this.#report = report
  }

  override reject(error: unknown): void {
    if (this.settled) return
    this.settled = true
    this.#report(error, this)
  }
}

/** That the last try certainly did not run says nothing of those before it. */
function uncertain(call: EntityCall, error: unknown): unknown {
  if (isEpicError(error) && error.retry === 'unknown') return error
  return new EpicError(
    'Unknown',
    `Cannot know what became of ${call.toString()}: it may have run before, and its last try failed`,
    { cause: error },
  )
}

/** What a turn that has lost its entity gets for whatever it still tries. */
export function lostActivation({ type, id, saved }: Activation): EpicError {
  const why = saved instanceof Error ? `: ${saved.message}` : ''
  return new EpicError(
    'Fenced',
    `Cannot go on as "${type.plan.name}/${id}": this activation has ended and another may run${why}`,
  )
}
