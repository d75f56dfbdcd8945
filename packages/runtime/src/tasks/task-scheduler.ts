/**
 * Fires durable tasks: reads those that will be due soon from the store, for the partitions that this node serves, and calls their
 * entities when they are.
 *
 * A task is moved to its next time by the write that saves what its operation did, so the store always says what is still to do;
 * nothing is remembered here but which calls are under way. A node that takes a partition over simply reads its tasks.
 */
import { formatEntityId, partitionOf, type Task } from '@epicserver/contracts'
import type { EntityNode } from '../node/node.ts'
import type { Pending } from '../node/ports.ts'
import { dueTask } from './task-body.ts'

const BATCH = 256

export class TaskScheduler {
  readonly #node: EntityNode
  readonly #underWay = new Map<string, Pending | null>()
  /** What has fired, and the look that was the last one by then: what that finds may be older. */
  readonly #fired = new Map<string, number>()
  #looks = 0
  #poll: Pending | undefined
  #isPolling = false

  constructor(node: EntityNode) {
    this.#node = node
  }

  start(): void {
    if (this.#node.isClosed) return
    this.#isPolling = true
    void this.#look().finally(() => {
      this.#poll = this.#node.ports.clock.setTimer(
        () => this.start(),
        this.#node.limits.taskHorizonMs / 2,
      )
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
    const partitions = router.readyPartitions
    if (partitions.size === 0) return
    this.#looks += 1
    const look = this.#looks
    for (const [key, before] of this.#fired) if (before < look - 1) this.#fired.delete(key)
    try {
      const beforeMs = clock.wallMs() + this.#node.limits.taskHorizonMs
      for (const task of await store.due({
        partitions,
        beforeMs,
        limit: BATCH + this.#underWay.size,
      }))
        this.#arm(task, look)
    } catch (error) {
      this.#node.log.warn('due tasks could not be read', { error })
    }
  }

  #arm(task: Task, look: number): void {
    const key = `${formatEntityId(task.entity)}\n${task.key}\n${task.dueMs}`
    if (this.#underWay.has(key) || (this.#fired.get(key) ?? 0) >= look || this.#node.isClosed)
      return
    const delay = Math.max(0, task.dueMs - this.#node.ports.clock.wallMs())
    const pending = this.#node.ports.clock.setTimer(() => void this.#fire(key, task), delay)
    this.#underWay.set(key, pending)
  }

  async #fire(key: string, task: Task): Promise<void> {
    const { type, id } = task.entity
    const { clock, router } = this.#node.ports
    if (this.#node.isClosed || !router.isReady(partitionOf(type, id))) {
      this.#underWay.delete(key)
      return
    }
    this.#underWay.set(key, null)
    try {
      await this.#node.fire(type, id, dueTask(this.#node, task, clock.wallMs()))
    } catch (error) {
      this.#node.log.error('a task failed', {
        entity: formatEntityId(task.entity),
        task: task.key,
        error,
      })
    } finally {
      this.#underWay.delete(key)
      this.#fired.set(key, this.#looks)
    }
  }
}
