/**
 * Requests that may change an entity, each as a job of a group commit: what it looks at, when it is refused, and what it writes.
 *
 * They are classes with plain fields, not closures: thousands are made in a turn, and what they cost is what the garbage collector
 * gets.
 */
import type { Claimed, EntityId, Guard, IndexEntry, WriteRequest } from '@epicserver/contracts'
import type { Changes } from './changes.ts'
import type { Job } from './group-commit.ts'
import { isDamage } from './quarantine.ts'
import { placeOfState } from './record.ts'
import type { RecordHead, StoredEntry } from './record.ts'
import { epochError } from './record-table.ts'
import type { Shard } from './shard.ts'
import type { EntitySubject } from './subjects.ts'

const NO_ENTRIES: readonly StoredEntry[] = []

/** A request for one entity, and the promise that answers it. */
export abstract class EntityJob<T> implements Job {
  readonly shard: Shard
  readonly subject: EntitySubject
  readonly promise: Promise<T>
  /** What is on disk when it is done; nothing, where that is not known or stays as it is. */
  head: RecordHead | undefined
  #resolve: ((answer: T) => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  constructor(shard: Shard, entity: EntityId) {
    this.shard = shard
    this.subject = shard.subjects.of(entity)
    this.subject.waiting += 1
    this.head = undefined
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  abstract prepare(changes: Changes): void

  handleDone(): void {
    if (this.head !== undefined) this.subject.head = this.head
  }

  answer(): void {
    this.subject.waiting -= 1
    this.#resolve?.(this.result)
  }

  handleFailed(error: unknown): void {
    this.subject.waiting -= 1
    this.#reject?.(error)
  }

  protected abstract get result(): T
}

export class ClaimJob extends EntityJob<Claimed> {
  readonly #epoch: bigint
  #claimed: Claimed = { version: 0n, bytes: null }

  constructor(shard: Shard, entity: EntityId, epoch: bigint) {
    super(shard, entity)
    this.#epoch = epoch
  }

  prepare(changes: Changes): void {
    const { records } = this.shard
    const found = records.find(this.subject.key)
    if (found === undefined) return
    const { head } = found
    if (head.epoch > this.#epoch) {
      throw epochError('claim', this.subject.name, { asked: this.#epoch, stored: head.epoch })
    }
    this.#claimed = { version: head.version, bytes: records.stateOf(this.subject.key, found) }
    this.head = head
    if (head.epoch === this.#epoch) return
    this.head = { ...head, epoch: this.#epoch }
    records.put(changes, this.subject.key, { head: this.head, state: found.state })
  }

  protected get result(): Claimed {
    return this.#claimed
  }
}

/** A write, whose outcome its request is told. */
export class WriteJob implements Job {
  readonly shard: Shard
  readonly subject: EntitySubject
  readonly #request: WriteRequest
  /** What is on disk when it is done. */
  #head: RecordHead | undefined
  #handleTasksDone: (() => void) | undefined

  constructor(shard: Shard, request: WriteRequest) {
    this.shard = shard
    this.subject = shard.subjects.of(request)
    this.subject.waiting += 1
    this.#request = request
    this.#head = undefined
    this.#handleTasksDone = undefined
  }

  prepare(changes: Changes): void {
    const { records } = this.shard
    const request = this.#request
    const { bytes } = request.write
    const before = records.guarded(this.subject, request)
    const head: RecordHead = {
      epoch: request.epoch,
      version: request.version + 1n,
      hasTasks: this.#prepareTasks(changes, before),
      indexes: this.#prepareIndexes(changes, before),
      stateAt: bytes === undefined ? (before?.stateAt ?? 'nowhere') : placeOfState(bytes),
    }
    this.#head = head
    if (bytes === undefined) {
      const state = before === undefined ? null : (records.find(this.subject.key)?.state ?? null)
      records.put(changes, this.subject.key, { head, state })
    } else records.replace(changes, this.subject.key, { before, head, bytes })
  }

  handleDone(): void {
    this.#handleTasksDone?.()
    this.subject.head = this.#head
  }

  answer(): void {
    this.subject.waiting -= 1
    this.#request.handleWritten((this.#head as RecordHead).version)
  }

  handleFailed(error: unknown): void {
    this.subject.waiting -= 1
    this.#request.handleFailed(error)
  }

  #prepareIndexes(changes: Changes, head: RecordHead | undefined): readonly StoredEntry[] {
    const before = head?.indexes ?? NO_ENTRIES
    const { indexes: next } = this.#request.write
    if (next === undefined) return before
    return this.shard.catalog.replaceEntries(changes, this.subject.entity, { before, next })
  }

  #prepareTasks(changes: Changes, before: RecordHead | undefined): boolean {
    const { tasks } = this.#request.write
    const hadTasks = before?.hasTasks ?? false
    if (tasks === undefined || tasks.length === 0) return hadTasks
    this.#handleTasksDone = this.shard.tasks.change(changes, this.subject, tasks)
    return hadTasks || tasks.some(({ kind }) => kind === 'set')
  }
}

export class RemoveJob extends EntityJob<bigint> {
  readonly #guard: Guard

  constructor(shard: Shard, entity: EntityId, guard: Guard) {
    super(shard, entity)
    this.#guard = guard
  }

  prepare(changes: Changes): void {
    const { records, catalog, tasks } = this.shard
    const before = records.guarded(this.subject, this.#guard)
    if (before === undefined) return
    catalog.replaceEntries(changes, this.subject.entity, { before: before.indexes, next: [] })
    if (before.hasTasks) tasks.removeAll(changes, this.subject)
    this.head = {
      epoch: this.#guard.epoch,
      version: this.#guard.version + 1n,
      hasTasks: false,
      indexes: NO_ENTRIES,
      stateAt: 'nowhere',
    }
    records.replace(changes, this.subject.key, { before, head: this.head, bytes: null })
  }

  protected get result(): bigint {
    return this.head?.version ?? 0n
  }
}

export class ReindexJob extends EntityJob<boolean> {
  readonly #version: bigint
  readonly #indexes: readonly IndexEntry[]

  constructor(shard: Shard, entity: EntityId, version: bigint, indexes: readonly IndexEntry[]) {
    super(shard, entity)
    this.#version = version
    this.#indexes = indexes
  }

  prepare(changes: Changes): void {
    const { records, catalog } = this.shard
    const found = records.find(this.subject.key)
    if (found === undefined || found.state === null) return
    const { head, state } = found
    if (head.version !== this.#version) return
    const entries = { before: head.indexes, next: this.#indexes }
    const indexes = catalog.replaceEntries(changes, this.subject.entity, entries)
    this.head = { ...head, indexes }
    records.put(changes, this.subject.key, { head: this.head, state })
  }

  protected get result(): boolean {
    return this.head !== undefined
  }
}

/** Takes a damaged record away; a whole one is left alone. */
export class DiscardJob extends EntityJob<boolean> {
  #isDamaged = false

  prepare(changes: Changes): void {
    const { records, tasks } = this.shard
    try {
      const found = records.find(this.subject.key)
      if (found !== undefined) records.stateOf(this.subject.key, found)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#isDamaged = true
      tasks.removeAll(changes, this.subject)
      records.remove(changes, this.subject.key)
    }
  }

  override handleDone(): void {
    this.subject.head = undefined
    super.handleDone()
  }

  protected get result(): boolean {
    return this.#isDamaged
  }
}
