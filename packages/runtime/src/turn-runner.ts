/**
 * Runs turns: calls the method, awaits it, and hands the outcome on.
 *
 * The plain turn is the hot path: enter, call, leave, and when the promise settles tell the kernel and deliver. What an operation
 * may ask for beyond that (atomic, idempotent, creation, tasks) is handled around it, so that those who do not ask do not pay.
 */
import { EpicError } from '@epicserver/contracts'
import type { Activation, Call } from '@epicserver/kernel'
import type { OperationDescription } from './class-description.ts'
import type { Entity } from './entity.ts'
import type { EntityCall, Outcome } from './entity-call.ts'
import { judge, noteBegun, noteEnded } from './idempotence.ts'
import { createOperation, taskOperation } from './internal-operations.ts'
import { explainFrozen, guardMessage } from './message-guard.ts'
import type { EntityNode } from './node.ts'
import { peekResidue, residueOf } from './residue.ts'
import type { DueTask } from './task-body.ts'
import { enterTurn } from './turn-context.ts'

export class TurnRunner {
  readonly #node: EntityNode

  constructor(node: EntityNode) {
    this.#node = node
  }

  run(call: Call): void {
    const operation = call.operation as OperationDescription
    const activation = call.activation as Activation
    if (activation.saved === null && activation.type.plan.durability !== 'none' && operation !== createOperation) {
      this.#deliver(call, { error: notFound(activation) })
    } else if (operation.idempotent && !this.#isNew(call as EntityCall, activation)) return
    else if (operation.atomic) this.#runAtomic(call, activation)
    else if (operation === createOperation) this.#finish(call, this.#create(call, activation))
    else if (operation === taskOperation) this.#runTask(call, activation)
    else {
      this.#noteBegun(call)
      this.#invoke(call, operation, call.args)
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
    const { number, twins } = call as EntityCall
    if (number === null) {
      this.#deliver(call, outcome)
      return
    }
    const kept = noteEnded(call.activation as Activation, number, outcome, this.#node.codec)
    this.#deliver(call, kept)
    for (const twin of twins) this.#deliver(twin, kept)
  }

  #deliver(call: Call, outcome: Outcome): void {
    const node = this.#node
    const activation = call.activation as Activation
    node.kernel.handleTurnEnded(call)
    if (node.observer !== null) node.observer.turnEnded(call as EntityCall, outcome)
    if (activation.type.plan.hasLocks) node.scheduleDrain()
    node.durability.deliver(activation, call as EntityCall, outcome)
  }

  // ── Atomic operations ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The entity lock keeps other chains out. What the fields hold before is kept as bytes: it is what a write that is due
   * meanwhile saves, and what they go back to if the operation throws. One-way messages leave when it succeeds.
   */
  #runAtomic(call: Call, activation: Activation): void {
    const { durability } = this.#node
    const residue = residueOf(activation)
    if (residue.atomic !== null) {
      this.#invoke(call, call.operation as OperationDescription, call.args)
      return
    }
    try {
      residue.atomic = { call, before: durability.snapshot(activation), outbox: [], isBeforeSaved: false }
    } catch (error) {
      this.#deliver(call, { error })
      return
    }
    this.#noteBegun(call)
    if (this.#node.observer !== null) this.#node.observer.turnStarted(call as EntityCall)
    const entity = activation.instance as Entity
    const before = enterTurn(call)
    let result: Promise<unknown>
    try {
      result = Promise.resolve(Reflect.apply((call.operation as OperationDescription).method, entity, call.args))
    } catch (error) {
      result = Promise.reject(error as Error)
    }
    enterTurn(before)
    result.then(
      (value) => {
        const outbox = residue.atomic?.outbox ?? []
        residue.atomic = null
        for (const message of outbox) durability.emit(activation, message)
        this.#succeed(call, value)
      },
      (error: unknown) => {
        if (residue.atomic !== null) durability.undo(activation, residue.atomic.before)
        residue.atomic = null
        this.#fail(call, error)
      },
    )
  }

  /** Keeps a one-way message of an atomic operation until it has succeeded. */
  keptUntilCommit(turn: Call, message: EntityCall): boolean {
    const { atomic } = peekResidue(turn.activation as Activation)
    if (atomic === null || !message.operation.oneWay) return false
    atomic.outbox.push(message)
    return true
  }

  // ── Creation and tasks ─────────────────────────────────────────────────────────────────────────────────────────────────

  #create(call: Call, activation: Activation): Outcome {
    if (this.#node.observer !== null) this.#node.observer.turnStarted(call as EntityCall)
    const entity = this.#node.durability.entityOf(activation)
    if (this.#node.durability.exists(activation)) {
      return { error: new EpicError('AlreadyExists', `Cannot create "${entity.type}/${entity.id}": it exists`) }
    }
    this.#node.durability.create(activation, call.args[0] as Record<string, unknown>)
    return { value: undefined }
  }

  #runTask(call: Call, activation: Activation): void {
    const due = call.args[0] as DueTask
    const description = this.#node.description(activation.type.plan.name)
    const operation = description.operations.get(due.operation)
    if (operation === undefined) {
      this.#fail(call, new EpicError('UnknownOperation', `Cannot fire the task "${due.key}" of "${description.name}/${activation.id}": there is no operation ${due.operation}`))
      return
    }
    this.#node.durability.changeTask(activation, due.next)
    if (activation.gate === null) this.#node.durability.flushNow(activation)
    if (due.mustRun) this.#invoke(call, operation, due.args)
    else this.#deliver(call, { value: undefined })
  }
}

function notFound(activation: Activation): EpicError {
  const name = `${activation.type.plan.name}/${activation.id}`
  return new EpicError('NotFound', `Cannot call "${name}": it was never created, and its class has autoCreate: false`)
}
