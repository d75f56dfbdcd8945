/**
 * Runs turns: calls the method, awaits it, and hands the outcome on.
 *
 * The plain turn is the hot path: enter, call, leave, and when the promise settles tell the kernel and deliver. What an operation
 * may ask for beyond that (atomic, idempotent, creation, tasks) is handled around it, so that those who do not ask do not pay.
 */
import { EpicError } from '@epicserver/contracts'
import type { Activation, Call } from '@epicserver/kernel'
import { beginAtomic, endAtomic } from '../saving/atomic.ts'
import type { OperationDescription } from '../model/class-description.ts'
import type { Entity } from '../model/entity.ts'
import type { EntityCall, Outcome } from './entity-call.ts'
import { judge, noteBegun, noteEnded } from './idempotence.ts'
import { createOperation } from './internal-operations.ts'
import { explainFrozen, guardMessage } from './message-guard.ts'
import type { EntityNode } from './node.ts'
import type { DueTask } from '../tasks/task-body.ts'
import { beginFiring, endFiring } from '../tasks/task-firing.ts'
import { enterTurn } from './turn-context.ts'

export class TurnRunner {
  readonly #node: EntityNode

  constructor(node: EntityNode) {
    this.#node = node
  }

  run(call: Call): void {
    const operation = call.operation as OperationDescription
    const activation = call.activation as Activation
    if (
      activation.saved === null &&
      activation.type.plan.durability !== 'none' &&
      operation !== createOperation
    ) {
      this.#deliver(call, { error: notFound(activation) })
    } else if ((call as EntityCall).task !== null && !this.#mayFire(call as EntityCall, activation))
      return
    else if (operation.idempotent && !this.#isNew(call as EntityCall, activation)) return
    else if (operation === createOperation) this.#finish(call, this.#create(call, activation))
    else {
      if (operation.atomic && !this.#beginAtomic(call, activation)) return
      this.#noteBegun(call)
      this.#invoke(call, operation, call.args)
    }
  }

  /** Says whether the operation can be undone, and so may run; otherwise its caller is told. */
  #beginAtomic(call: Call, activation: Activation): boolean {
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

  #noteBegun(call: Call): void {
    const { number } = call as EntityCall
    if (number !== null) noteBegun(call.activation as Activation, call as EntityCall, number)
  }

  #invoke(call: Call, operation: OperationDescription, args: readonly unknown[]): void {
    const entity = (call.activation as Activation).instance as Entity
    if (this.#node.observer !== null) this.#node.observer.turnStarted(call as EntityCall)
    const before = enterTurn(call)
    let result: unknown
    try {
      result = Reflect.apply(operation.method, entity, args)
    } catch (error) {
      enterTurn(before)
      this.#fail(call, error)
      return
    }
    enterTurn(before)
    if (result instanceof Promise) {
      result.then(
        (value) => this.#succeed(call, value),
        (error: unknown) => this.#fail(call, error),
      )
    } else {
      this.#succeed(call, result)
    }
  }

  #succeed(call: Call, value: unknown): void {
    if (this.#node.isDevelopment) {
      try {
        guardMessage(value, `the result of ${call.operation.name}`)
      } catch (error) {
        this.#fail(call, error)
        return
      }
    }
    this.#end(call, { value })
  }

  #fail(call: Call, error: unknown): void {
    if (this.#node.isDevelopment) explainFrozen(error)
    this.#end(call, { error })
  }

  #finish(call: Call, outcome: Outcome): void {
    this.#end(call, outcome)
  }

  #end(call: Call, outcome: Outcome): void {
    const { number, task } = call as EntityCall
    const activation = call.activation as Activation
    const kept =
      number === null ? outcome : noteEnded(activation, number, outcome, this.#node.codec)
    if (call.operation.atomic) endAtomic(this.#node.durability, activation, { call, outcome: kept })
    if (task !== null && this.#hasFired(activation, task)) this.#moveTask(activation, task)
    this.#deliver(call, kept)
    if (number !== null)
      for (const twin of (call as EntityCall).takeTwins()) this.#deliver(twin, kept)
  }

  #deliver(call: Call, outcome: Outcome): void {
    const node = this.#node
    const activation = call.activation as Activation
    node.kernel.handleTurnEnded(call)
    if (node.observer !== null) node.observer.turnEnded(call as EntityCall, outcome)
    if (activation.type.plan.hasLocks) node.scheduleDrain()
    node.durability.deliver(activation, call as EntityCall, outcome)
  }

  // ── Creation and tasks ─────────────────────────────────────────────────────────────────────────────────────────────────

  #create(call: Call, activation: Activation): Outcome {
    if (this.#node.observer !== null) this.#node.observer.turnStarted(call as EntityCall)
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

function notFound(activation: Activation): EpicError {
  const name = `${activation.type.plan.name}/${activation.id}`
  return new EpicError(
    'NotFound',
    `Cannot call "${name}": it was never created, and its class has autoCreate: false`,
  )
}
