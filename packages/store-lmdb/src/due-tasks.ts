/**
 * The durable tasks of a shard.
 *
 * A question for what is due comes many times a second and mostly finds nothing, so for each partition a bound is kept in memory:
 * no task of it is due earlier. It is exact once a partition was looked into, is lowered when a task is set, and costs a number for
 * each partition.
 */
import { PARTITIONS } from '@epicserver/contracts'
import type { DueQuery, EntityId, Task, TaskChange } from '@epicserver/contracts'
import type { Changes } from './changes.ts'
import { prefixEnd } from './entity-key.ts'
import type { Environment } from './environment.ts'
import {
  decodeDueMs,
  decodeTask,
  dueBound,
  dueKey,
  dueMsOfKey,
  encodeDueMs,
  encodeTask,
  taskKey,
  taskKeyOfDue,
  taskPrefix,
} from './task-record.ts'

/** A task that is on disk and should not be: damaged, or left over. */
export interface StrayTask {
  readonly key: Buffer
  readonly value: Buffer
}

export class DueTasks {
  readonly #environment: Environment
  readonly #onStray: (stray: StrayTask) => void
  readonly #earliest = new Float64Array(PARTITIONS)

  /** @param onStray - is told of what a question met that is no task; it must see to its removal */
  constructor(environment: Environment, onStray: (stray: StrayTask) => void) {
    this.#environment = environment
    this.#onStray = onStray
  }

  /** Adds what carries out the changes, in their order. Gives what must be called when they are durable. */
  change(
    changes: Changes,
    { entity, partition }: { entity: EntityId; partition: number },
    taskChanges: readonly TaskChange[],
  ): () => void {
    const { tasks, dues } = this.#environment.tables
    const prefix = taskPrefix(partition, entity)
    let earliest = Number.POSITIVE_INFINITY
    for (const [key, change] of lastOfEach(taskChanges)) {
      const inTasks = taskKey(prefix, key)
      this.#removeDue(changes, inTasks, tasks.getBinary(inTasks))
      if (change.kind === 'clear') changes.remove(tasks, inTasks)
      else {
        const { dueMs, body } = change
        const inDues = dueKey(inTasks, dueMs)
        changes.put(tasks, inTasks, encodeDueMs(dueMs))
        changes.put(dues, inDues, encodeTask(inDues, { entity, key, body }))
        earliest = Math.min(earliest, dueMs)
      }
    }
    // Once more when it is durable: a question between now and then did not meet the task, and raised the bound.
    this.#lower(partition, earliest)
    return () => this.#lower(partition, earliest)
  }

  /** Adds the removal of all tasks of an entity. */
  removeAll(
    changes: Changes,
    { entity, partition }: { entity: EntityId; partition: number },
  ): void {
    const { tasks } = this.#environment.tables
    const prefix = taskPrefix(partition, entity)
    for (const { key, value } of tasks.getRange({ start: prefix, end: prefixEnd(prefix) })) {
      this.#removeDue(changes, key, value)
      changes.remove(tasks, key)
    }
  }

  /** Adds the removal of what is no task, if it still is none. */
  removeStray(changes: Changes, { key }: StrayTask): void {
    const { dues } = this.#environment.tables
    const value = dues.getBinary(key)
    if (value !== undefined && !this.#isTask(key, value)) changes.remove(dues, key)
  }

  /** Tasks that are due, earliest first. */
  due({ partitions, beforeMs, limit }: DueQuery): Task[] {
    let found: Task[] = []
    let before = beforeMs
    for (const partition of this.#byEarliest(partitions, beforeMs)) {
      if (this.#earliest[partition]! >= before) break
      found.push(...this.#dueIn(partition, before, limit))
      if (found.length < limit) continue
      found = found.toSorted(byInstant).slice(0, limit)
      before = Math.min(beforeMs, found[limit - 1]!.dueMs)
    }
    return found.toSorted(byInstant)
  }

  #byEarliest(partitions: ReadonlySet<number>, beforeMs: number): number[] {
    const earliest = this.#earliest
    return [...partitions]
      .filter((partition) => earliest[partition]! < beforeMs)
      .toSorted((a, b) => earliest[a]! - earliest[b]!)
  }

  #dueIn(partition: number, beforeMs: number, limit: number): Task[] {
    const { dues } = this.#environment.tables
    const found: Task[] = []
    let earliest = Number.POSITIVE_INFINITY
    const start = dueBound(partition, this.#earliest[partition]!)
    for (const { key, value } of dues.getRange({ start, end: dueBound(partition + 1, 0) })) {
      const task = this.#taskOf(key, value)
      if (task === undefined) continue
      earliest = Math.min(earliest, task.dueMs)
      if (task.dueMs >= beforeMs || found.length === limit) break
      found.push(task)
    }
    this.#earliest[partition] = earliest
    return found
  }

  #taskOf(key: Buffer, value: Buffer): Task | undefined {
    if (this.#isTask(key, value)) return decodeTask(key, value)
    this.#onStray({ key, value })
    return undefined
  }

  /** Whether what lies at this place is whole, and no other instant is on record for it. */
  #isTask(key: Buffer, value: Buffer): boolean {
    const recorded = this.#environment.tables.tasks.getBinary(taskKeyOfDue(key))
    if (recorded === undefined || decodeDueMs(recorded) !== dueMsOfKey(key)) return false
    return decodeTask(key, value) !== undefined
  }

  #removeDue(changes: Changes, inTasks: Buffer, recorded: Buffer | undefined): void {
    const dueMs = recorded === undefined ? undefined : decodeDueMs(recorded)
    if (dueMs !== undefined) changes.remove(this.#environment.tables.dues, dueKey(inTasks, dueMs))
  }

  #lower(partition: number, dueMs: number): void {
    this.#earliest[partition] = Math.min(this.#earliest[partition]!, dueMs)
  }
}

/** The change of each task that counts: the last. */
function lastOfEach(changes: readonly TaskChange[]): Map<string, TaskChange> {
  return new Map(changes.map((change) => [change.key, change]))
}

function byInstant(a: Task, b: Task): number {
  return a.dueMs - b.dueMs
}
