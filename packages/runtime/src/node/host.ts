/** What entities ask of their node through `this`: each request goes to the part of the node that answers it. */
import { EpicError, KEY_UNITS_MAX, type TaskChange } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { Contract } from '../model/contract.ts'
import type { Entity, EntityClass, EntityHost } from '../model/entity.ts'
import type { TimerSettings } from './entity-timers.ts'
import { entityFiles, type EntityFiles } from '../syscalls/files.ts'
import type { Log } from '../log.ts'
import type { EntityNode } from './node.ts'
import { peekResidue } from './residue.ts'
import type { PoolMethods } from '../model/pool.ts'
import type { Submit } from '../syscalls/syscalls.ts'
import type { Ref } from '../model/ref.ts'
import { taskChange } from '../tasks/task-body.ts'
import { forgetFiring } from '../tasks/task-firing.ts'
import type { Topic } from '../topics/topic.ts'
import type { TaskSettings } from '../tasks/tasks.ts'
import { unknownOperation } from './unnameable.ts'

export class Host implements EntityHost {
  readonly #node: EntityNode

  constructor(node: EntityNode) {
    this.#node = node
  }

  get pool(): PoolMethods {
    return this.#node.pool
  }

  ref<E>(target: EntityClass<E & Entity> | Contract<E>, id: string | number): Ref<E> {
    return this.#node.ref(target, id)
  }

  save(activation: Activation): Promise<void> {
    return this.#node.durability.save(activation)
  }

  forget(activation: Activation): Promise<void> {
    return this.#node.durability.forget(activation)
  }

  /** Hands a request to the outside. */
  readonly submit: Submit = (syscall) => this.#node.submit(syscall)

  setTimer(activation: Activation, key: string, timer: TimerSettings): void {
    checkKey('timer', key)
    const { operation, delayMs = timer.intervalMs ?? 0, intervalMs = 0 } = timer
    this.#node.kernel.now = this.#node.ports.clock.monotonicMs()
    if (typeof operation === 'string')
      this.#checkOperation(activation, `the timer "${key}"`, operation)
    this.#node.kernel.setTimer({
      activation,
      key,
      operation: typeof operation === 'string' ? operation : '',
      closure: typeof operation === 'function' ? operation : null,
      args: timer.args ?? [],
      intervalMs,
      timesLeft: timer.times ?? (intervalMs > 0 ? Infinity : 1),
      dueAt: this.#node.kernel.now + delayMs,
      order: 0,
      slot: null,
    })
    this.#node.wakeAt(this.#node.kernel.now + delayMs)
  }

  cancelTimer(activation: Activation, key: string): boolean {
    return this.#node.kernel.cancelTimer(activation, key)
  }

  setTask(activation: Activation, key: string, task: TaskSettings): void {
    checkKey('task', key)
    if (activation.type.plan.durability === 'none') {
      throw new EpicError(
        'SettingsInvalid',
        `Cannot set the task "${key}": ${activation.type.plan.name} is not persistent, and a task is saved with its entity`,
      )
    }
    this.#checkOperation(activation, `the task "${key}"`, task.operation)
    this.#changeTask(activation, taskChange(this.#node, key, task))
    forgetFiring(activation, key)
    this.#touch(activation)
  }

  cancelTask(activation: Activation, key: string): void {
    this.#changeTask(activation, { kind: 'clear', key })
    forgetFiring(activation, key)
    this.#touch(activation)
  }

  #changeTask(activation: Activation, change: TaskChange): void {
    const { tasks } = peekResidue(activation)
    const { unsavedTasksMax } = this.#node.limits
    if (tasks.length >= unsavedTasksMax && !tasks.some(({ key }) => key === change.key)) {
      throw new EpicError(
        'Overloaded',
        `Cannot change the task "${change.key}" of "${activation.type.plan.name}/${activation.id}": ${tasks.length} of ${unsavedTasksMax} changes of its tasks wait to be saved`,
      )
    }
    this.#node.durability.changeTask(activation, change)
  }

  topic<M>(activation: Activation, name: string): Topic<M> {
    return this.#node.topics.topic<M>(activation, name)
  }

  get files(): EntityFiles {
    return entityFiles(this.submit)
  }

  log(activation: Activation): Log {
    return this.#node.log.with({ entity: `${activation.type.plan.name}/${activation.id}` })
  }

  wallMs(): number {
    return this.#node.ports.clock.wallMs()
  }

  random(): number {
    return this.#node.ports.random()
  }

  #checkOperation(activation: Activation, what: string, operation: string): void {
    const description = this.#node.description(activation.type.plan.name)
    if (description.operations.has(operation)) return
    const attempt = `Cannot set ${what} of "${description.name}/${activation.id}"`
    throw unknownOperation(attempt, description, operation)
  }

  /** A changed task is saved like changed state, also when no reply waits for it. */
  #touch(activation: Activation): void {
    if (activation.gate !== null) this.#node.hold(activation, NOTHING)
    else this.#node.durability.flushNow(activation)
  }
}

const NOTHING = { release: (): void => undefined, drop: (): void => undefined }

function checkKey(what: string, key: string): void {
  if (key.length > 0 && key.length <= KEY_UNITS_MAX) return
  throw new EpicError(
    'InvalidId',
    `Cannot set a ${what}: its key has ${key.length} characters, and 1 to ${KEY_UNITS_MAX} are allowed`,
  )
}
