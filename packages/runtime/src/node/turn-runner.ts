/**
 * Runs turns: calls the method, awaits it, and hands the outcome on.
 *
 * The plain turn is the hot path: enter, call, leave, and when the promise settles tell the kernel and deliver. What an operation
 * may ask for beyond that (atomic, idempotent, creation, tasks) is handled around it, so that those who do not ask do not pay.
 */
import { EpicError } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import { beginAtomic, endAtomic } from '../saving/atomic.ts'
import type { Entity } from '../model/entity.ts'
import type { EntityCall, Outcome } from './entity-call.ts'
import { judge, noteBegun, noteEnded } from './idempotence.ts'
import { createOperation } from './internal-operations.ts'
import { explainFrozen, guardMessage } from './message-guard.ts'
import { tellMistake } from './mistake-log.ts'
import type { EntityNode } from './node.ts'
import type { DueTask } from '../tasks/task-body.ts'
import { beginFiring, endFiring } from '../tasks/task-firing.ts'
import { enterTurn, leaveTurn } from './turn-context.ts'

/** Not what a subclass may have made of it: its callbacks run as the turn's own continuation. */
// oxlint-disable-next-line unbound-method -- called with its receiver
const promiseThen = Promise.prototype.then

export class TurnRunner {
  readonly #node: EntityNode

  constructor(node: EntityNode) {
    this.#node = node
  }

  run(call: EntityCall): void {
    call.handleUnderWay()
    const activation = call.activation as Activation
    if (activation.saved === null && activation.type.plan.durability !== 'none')
      this.#runUncreated(call, activation)
    else if (isPlain(call)) this.#invoke(call)
    else this.#runSpecial(call, activation)
  }

  /** An entity that only `pool.create` makes, and that was not made. */
  #runUncreated(call: EntityCall, activation: Activation): void {
    if (call.operation === createOperation) this.#end(call, this.#create(call, activation))
    else this.#deliver(call, { error: notFound(activation) })
  }

  #runSpecial(call: EntityCall, activation: Activation): void {
    const { operation, number } = call
    if (call.task !== null && !this.#mayFire(call, activation)) return
    if (operation.idempotent && !this.#isNew(call, activation)) return
    if (operation === createOperation) {
      this.#end(call, this.#create(call, activation))
      return
    }
    if (operation.atomic && !this.#beginAtomic(call, activation)) return
    if (number !== null) noteBegun(activation, call, number)
    this.#invoke(call)
  }

  /** Says whether the operation can be undone, and so may run; otherwise its caller is told. */
  #beginAtomic(call: EntityCall, activation: Activation): boolean {
    try {
      beginAtomic(this.#node.durability, activation, call)
      return true
    } catch (error) {
      this.#deliver(call, { error })
      return false
    }
  }

  /** Whether an idempotent call has to run; otherwise it was answered, or waits for its twin. */
  #isNew(call: EntityCall, activation: Activation): boolean {
    if (call.number === null) return true
    const verdict = judge(activation, call, call.number, this.#node.codec)
    if (verdict === 'run') return true
    if (verdict !== 'attached') this.#deliver(call, verdict.outcome)
    return false
  }

  #invoke(call: EntityCall): void {
    const { instance } = call.activation as Activation
    if (this.#node.observer !== null) this.#node.observer.turnStarted(call)
    const before = enterTurn(call)
    let result: unknown
    try {
      result = Reflect.apply(call.operation.method, instance as Entity, call.args)
    } catch (error) {
      enterTurn(before)
      this.#fail(call, error)
      return
    }
    if (result instanceof Promise) {
      void promiseThen.call(result, this.#handleResolved, this.#handleRejected)
      enterTurn(before)
    } else {
      enterTurn(before)
      this.#succeed(call, result)
    }
  }

  // One pair for all turns, where closures of each would be a tenth of what a call costs: they are attached
  // while the turn is current, and so it is again when they run.
  readonly #handleResolved = (value: unknown): void =>
    this.#succeed(leaveTurn() as EntityCall, value)

  readonly #handleRejected = (error: unknown): void => this.#fail(leaveTurn() as EntityCall, error)

  #succeed(call: EntityCall, value: unknown): void {
    if (this.#node.isDevelopment && !this.#isGuarded(call, value)) return
    this.#end(call, { value })
  }

  #fail(call: EntityCall, error: unknown): void {
    if (this.#node.isDevelopment) {
      explainFrozen(error)
      tellMistake(this.#node.log, call, error)
    }
    this.#end(call, { error })
  }

  /** Freezes a result; one that cannot cross fails its call. */
  #isGuarded(call: EntityCall, value: unknown): boolean {
    try {
      guardMessage(value, `the result of ${call.operation.name}`)
      return true
    } catch (error) {
      this.#fail(call, error)
      return false
    }
  }

  #end(call: EntityCall, outcome: Outcome): void {
    if (isPlain(call)) this.#deliver(call, outcome)
    else this.#endSpecial(call, outcome)
  }

  #endSpecial(call: EntityCall, outcome: Outcome): void {
    const { number, task } = call
    const activation = call.activation as Activation
    const kept =
      number === null ? outcome : noteEnded(activation, number, outcome, this.#node.codec)
    if (call.operation.atomic) endAtomic(this.#node.durability, activation, { call, outcome: kept })
    if (task !== null && this.#hasFired(activation, task)) this.#moveTask(activation, task)
    this.#deliver(call, kept)
    if (number !== null) for (const twin of call.takeTwins()) this.#deliver(twin, kept)
  }

  #deliver(call: EntityCall, outcome: Outcome): void {
    const node = this.#node
    const activation = call.activation as Activation
    node.kernel.handleTurnEnded(call)
    if (node.observer !== null) node.observer.turnEnded(call, outcome)
    if (activation.type.plan.hasLocks) node.scheduleDrain()
    node.durability.deliver(activation, call, outcome)
  }

  #create(call: EntityCall, activation: Activation): Outcome {
    if (this.#node.observer !== null) this.#node.observer.turnStarted(call)
    const entity = this.#node.durability.entityOf(activation)
    if (this.#node.durability.exists(activation)) {
      return {
        error: new EpicError(
          'AlreadyExists',
          `Cannot create "${entity.type}/${entity.id}": it exists`,
        ),
      }
    }
    this.#node.durability.create(activation, call.args[0] as Record<string, unknown>)
    return { value: undefined }
  }

  /** Whether a task that is due calls its operation; otherwise it has fired already, or is moved on without. */
  #mayFire(call: EntityCall, activation: Activation): boolean {
    const task = call.task as DueTask
    const isNew = beginFiring(activation, task)
    if (isNew && task.mustRun) return true
    if (isNew && this.#hasFired(activation, task)) this.#moveTask(activation, task)
    this.#deliver(call, { value: undefined })
    return false
  }

  /** This time of the task is over. Says whether the task moves on. */
  #hasFired(activation: Activation, task: DueTask): boolean {
    return endFiring(activation, task, this.#node.ports.clock.wallMs())
  }

  /** To its next time, or away. */
  #moveTask(activation: Activation, { next }: DueTask): void {
    this.#node.durability.changeTask(activation, next)
    if (activation.gate === null) this.#node.durability.flushNow(activation)
  }
}

/** Whether calling its method is all that the turn asks for. */
function isPlain({ operation, task }: EntityCall): boolean {
  return operation.isPlain && task === null
}

function notFound(activation: Activation): EpicError {
  const name = `${activation.type.plan.name}/${activation.id}`
  return new EpicError(
    'NotFound',
    `Cannot call "${name}": it was never created, and its class has autoCreate: false`,
  )
}
