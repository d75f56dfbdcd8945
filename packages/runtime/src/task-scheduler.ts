/**
 * Fires durable tasks: reads those that will be due soon from the store, for the partitions that this node serves, and calls their
 * entities when they are.
 *
 * A task is moved to its next time by the write that saves what its operation did, so the store always says what is still to do;
 * nothing is remembered here but which calls are under way. A node that takes a partition over simply reads its tasks.
 */
import { formatEntityId, PARTITIONS, type Task } from '@epicserver/contracts'
import { taskOperation } from './internal-operations.ts'
import type { EntityNode } from './node.ts'
import type { Pending } from './ports.ts'
import { dueTask } from './task-body.ts'

const BATCH = 256

export class TaskScheduler {
  readonly #node: EntityNode
  readonly #underWay = new Map<string, Pending | null>()
  #poll: Pending | undefined
  #isPolling = false

  constructor(node: EntityNode) {
    this.#node = node
  }

  start(): void {
    if (this.#node.isClosed) return
    this.#isPolling = true
    void this.#look().finally(() => {
      this.#poll = this.#node.ports.clock.setTimer(() => this.start(), this.#node.limits.taskHorizonMs / 2)
    })
  }

  stop(): void {
    this.#poll?.cancel()
    for (const pending of this.#underWay.values()) pending?.cancel()
    this.#underWay.clear()
  }

  get isPolling(): boolean {
    return this.#isPolling
  }

  async #look(): Promise<void> {
    const { clock, store, router } = this.#node.ports
    const partitions = new Set<number>()
    for (let partition = 0; partition < PARTITIONS; partition += 1) if (router.isReady(partition)) partitions.add(partition)
    if (partitions.size === 0) return
    try {
      const beforeMs = clock.wallMs() + this.#node.limits.taskHorizonMs
      for (const task of await store.due({ partitions, beforeMs, limit: BATCH + this.#underWay.size })) this.#arm(task)
    } catch (error) {
      this.#node.log.warn('due tasks could not be read', { error })
    }
  }

  #arm(task: Task): void {
    const key = `${formatEntityId(task.entity)}\n${task.key}\n${task.dueMs}`
    if (this.#underWay.has(key) || this.#node.isClosed) return
    const delay = Math.max(0, task.dueMs - this.#node.ports.clock.wallMs())
    const pending = this.#node.ports.clock.setTimer(() => void this.#fire(key, task), delay)
    this.#underWay.set(key, pending)
  }

  async #fire(key: string, task: Task): Promise<void> {
    if (this.#node.isClosed) return
    this.#underWay.set(key, null)
    try {
      const due = dueTask(this.#node, task, this.#node.ports.clock.wallMs())
      await this.#node.invoke(this.#node.refTo(task.entity.type, task.entity.id), taskOperation, [due])
    } catch (error) {
      this.#node.log.error('a task failed', { entity: formatEntityId(task.entity), task: task.key, error })
    } finally {
      this.#underWay.delete(key)
    }
  }
}
