/**
 * A state store in memory: the durable part is a {@link MemoryDisk}, this is the part of a process.
 *
 * A request waits here until its commit, which `defer` decides: at once without it; in a simulation, when the simulated disk is
 * done. So what is waiting is exactly what a crash loses, and `crash` may let some of it reach the disk unanswered, as a disk
 * does that was written to in the last moment. Commits are in the order of requests. Reads see what is durable.
 *
 * It has no clock and no timers, and makes no faults of its own: wrap it to delay, refuse or lose.
 */
import {
  checkDueQuery,
  checkEntityId,
  checkGuard,
  checkIndexEntries,
  checkIndexName,
  checkIndexStatus,
  checkScan,
  checkWrite,
  EpicError,
} from '@epicserver/contracts'
import type {
  Claimed,
  DueQuery,
  EntityId,
  Guard,
  IndexEntry,
  IndexStatus,
  Scan,
  ScanPage,
  StateStore,
  StoredRecord,
  Task,
  TaskChange,
  Write,
} from '@epicserver/contracts'
import { MemoryDisk } from './memory-disk.ts'

/** How a store in memory is made. */
export interface MemoryStateStoreOptions {
  /** What is durable; a new, empty disk without it. */
  readonly disk?: MemoryDisk
  /** Calls `commit` when what is waiting becomes durable. At once without it. */
  readonly defer?: (commit: () => void) => void
  /** Fences off all stores of this disk with a lower number, as a shard's new owner does. */
  readonly owner?: number
}

/** A request that waits for its commit. */
interface Waiting {
  readonly apply: () => unknown
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * Keeps entities in memory, with the promises of a store that keeps them on disk.
 * @example
 * const disk = new MemoryDisk()
 * const before = new MemoryStateStore({ disk })
 * await before.write(bob, { epoch: 1n, version: 0n }, { bytes })
 * const after = new MemoryStateStore({ disk }) // another process on the same disk
 */
export class MemoryStateStore implements StateStore {
  readonly #disk: MemoryDisk
  readonly #defer: (commit: () => void) => void
  readonly #owner: number | undefined
  #waiting: Waiting[] = []
  #isDeferred = false
  #end: 'none' | 'closed' | 'crashed' = 'none'
  #whenIdle: (() => void)[] = []

  constructor(options: MemoryStateStoreOptions = {}) {
    this.#disk = options.disk ?? new MemoryDisk()
    this.#defer = options.defer ?? ((commit) => commit())
    this.#owner = options.owner
    if (this.#owner !== undefined) this.#disk.own(this.#owner)
  }

  /** How many requests wait for their commit. */
  get waitingCount(): number {
    return this.#waiting.length
  }

  async claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    checkEntityId(entity)
    checkGuard({ epoch, version: 0n })
    return this.#commit(() => this.#disk.claim(entity, epoch))
  }

  async read(entity: EntityId): Promise<StoredRecord | null> {
    checkEntityId(entity)
    this.#checkOpen('read')
    return this.#disk.read(entity)
  }

  async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    checkEntityId(entity)
    checkGuard(guard)
    checkWrite(entity, write)
    const kept = keep(write)
    return this.#commit(() => this.#disk.write(entity, guard, kept))
  }

  async remove(entity: EntityId, guard: Guard): Promise<bigint> {
    checkEntityId(entity)
    checkGuard(guard)
    return this.#commit(() => this.#disk.remove(entity, guard))
  }

  async due(query: DueQuery): Promise<Task[]> {
    checkDueQuery(query)
    this.#checkOpen('look for tasks')
    return this.#disk.due(query)
  }

  async scan(scan: Scan): Promise<ScanPage> {
    checkScan(scan)
    this.#checkOpen('scan')
    return this.#disk.scan(scan)
  }

  async indexes(type?: string): Promise<IndexStatus[]> {
    this.#checkOpen('list indexes')
    return this.#disk.indexes(type)
  }

  async setIndex(status: IndexStatus): Promise<void> {
    checkIndexStatus(status)
    await this.#commit(() => this.#disk.setIndex(status))
  }

  async dropIndex(type: string, index: string): Promise<void> {
    checkIndexName(type, index)
    await this.#commit(() => this.#disk.dropIndex(type, index))
  }

  async reindex(
    entity: EntityId,
    version: bigint,
    indexes: readonly IndexEntry[],
  ): Promise<boolean> {
    checkEntityId(entity)
    checkGuard({ epoch: 0n, version })
    checkIndexEntries(indexes)
    const kept = keepEntries(indexes)
    return this.#commit(() => this.#disk.reindex(entity, version, kept))
  }

  async close(): Promise<void> {
    if (this.#end === 'none') this.#end = 'closed'
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
  }

  /**
   * Ends the store as the death of its process does: what waits is never answered.
   * @param landed - how many of the waiting requests, the oldest first, the disk has written all the same
   */
  crash({ landed = 0 }: { readonly landed?: number } = {}): void {
    this.#end = 'crashed'
    for (const { apply } of this.#waiting.splice(0).slice(0, landed)) outcomeOf(apply)
  }

  #commit<T>(apply: () => T): Promise<T> {
    this.#checkOpen('write')
    return new Promise<T>((resolve, reject) => {
      const checked = (): T => {
        if (this.#owner !== undefined) this.#disk.checkOwner(this.#owner)
        return apply()
      }
      this.#waiting.push({ apply: checked, resolve: resolve as Waiting['resolve'], reject })
      if (this.#isDeferred) return
      this.#isDeferred = true
      this.#defer(() => this.#flush())
    })
  }

  #flush(): void {
    this.#isDeferred = false
    for (const { apply, resolve, reject } of this.#waiting.splice(0)) {
      const outcome = outcomeOf(apply)
      if ('error' in outcome) reject(outcome.error)
      else resolve(outcome.answer)
    }
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #checkOpen(what: string): void {
    if (this.#end === 'none') return
    throw new EpicError('Unavailable', `Cannot ${what}: the store is ${this.#end}`)
  }
}

function outcomeOf(apply: () => unknown): { answer: unknown } | { error: unknown } {
  try {
    return { answer: apply() }
  } catch (error) {
    return { error }
  }
}

/** A copy, so that the caller may use its buffers again while the commit is waited for. */
function keep({ bytes, indexes, tasks }: Write): Write {
  return {
    ...(bytes === undefined ? {} : { bytes: bytes.slice() }),
    ...(indexes === undefined ? {} : { indexes: keepEntries(indexes) }),
    ...(tasks === undefined ? {} : { tasks: tasks.map(keepTask) }),
  }
}

function keepEntries(entries: readonly IndexEntry[]): IndexEntry[] {
  return entries.map(({ index, key }) => ({ index, key: key.slice() }))
}

function keepTask(change: TaskChange): TaskChange {
  return change.kind === 'clear' ? change : { ...change, body: change.body.slice() }
}
