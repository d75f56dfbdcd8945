/**
 * The state store as a node's entities use it: some of them live here as guests, away from the node that owns their partition.
 *
 * Where the store is shared by all nodes, each writes its entities directly. Where it is embedded, a partition has one writing
 * process, its owner, who then claims, writes and removes for its guests elsewhere. Epoch and version are in every request
 * and are checked by the store, so it does not matter who carries one: a stale host is refused as ever.
 *
 * While a partition changes hands nobody can be asked, and what is asked waits: the guest cannot go on without it. What may have
 * been done when an owner was lost is the guest's to find out (`Unknown`).
 */
import {
  EpicError,
  isEpicError,
  partitionOf,
  type Claimed,
  type DueQuery,
  type EntityId,
  type Guard,
  type IndexEntry,
  type IndexStatus,
  type Scan,
  type ScanPage,
  type StateStore,
  type StoredRecord,
  type Task,
  type Write,
  type WriteRequest,
} from '@epicserver/contracts'
import type { NodeRequest } from '../node/node.ts'
import type { NodeClock } from '../node/ports.ts'
import { pause } from '../node/pause.ts'

/** Opens and closes the parts of a store that belong to partitions. */
export interface PartitionStore {
  /** Whether every node may write every partition, as with a database; without it only a partition's owner may. */
  readonly isShared?: boolean
  acquire(partitions: readonly number[], epoch: number): Promise<void>
  release(partitions: readonly number[]): Promise<void>
}

/** The way to owners of partitions. */
export interface OwnerLine {
  /** Asks the owner of a partition; `undefined` where nobody can be asked now. */
  ask(partition: number, what: string, args: readonly unknown[]): Promise<unknown> | undefined
  isClosed(): boolean
}

export interface RoutedStoreParts {
  readonly store: StateStore
  readonly partitions: PartitionStore
  readonly owners: OwnerLine
  readonly clock: NodeClock
}

const CLAIM = 'store.claim'
const READ = 'store.read'
const WRITE = 'store.write'
const REMOVE = 'store.remove'

/** A partition changes hands in some tens of milliseconds. */
const RETRY_MS = 10

export class RoutedStore implements StateStore {
  readonly #parts: RoutedStoreParts
  /** Partitions whose part of the store is open here. */
  readonly #open = new Set<number>()

  constructor(parts: RoutedStoreParts) {
    this.#parts = parts
  }

  // Partitions

  async acquire(partitions: readonly number[], epoch: number): Promise<void> {
    await this.#parts.partitions.acquire(partitions, epoch)
    for (const partition of partitions) this.#open.add(partition)
  }

  async release(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) this.#open.delete(partition)
    await this.#parts.partitions.release(partitions)
  }

  /** Answers what guests' nodes ask of this one, as the owner. */
  get requests(): ReadonlyMap<string, NodeRequest> {
    const { store } = this.#parts
    const forGuest =
      (perform: (entity: EntityId, args: readonly unknown[]) => Promise<unknown>): NodeRequest =>
      (_from, [type, id, ...args]) => {
        if (typeof type !== 'string' || typeof id !== 'string') throw broken()
        if (!this.#open.has(partitionOf(type, id))) throw notHere(type, id)
        return perform({ type, id }, args)
      }
    return new Map([
      [CLAIM, forGuest((entity, [epoch]) => store.claim(entity, bigint(epoch)))],
      [READ, forGuest((entity) => store.read(entity))],
      [
        WRITE,
        forGuest((entity, [guard, write]) => store.write(entity, guardOf(guard), writeOf(write))),
      ],
      [REMOVE, forGuest((entity, [guard]) => store.remove(entity, guardOf(guard)))],
    ])
  }

  // Single entities

  claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    return this.#perform(entity, (store) => store.claim(entity, epoch), CLAIM, [epoch])
  }

  read(entity: EntityId): Promise<StoredRecord | null> {
    return this.#perform(entity, (store) => store.read(entity), READ, [])
  }

  write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    const args = [guardFrom(guard), write]
    return this.#perform(entity, (store) => store.write(entity, guard, write), WRITE, args)
  }

  startWrite(request: WriteRequest): void {
    const { store } = this.#parts
    if (store.startWrite !== undefined && this.#isDirect(request)) {
      store.startWrite(request)
      return
    }
    this.write(request, request, request.write).then(
      (version) => request.handleWritten(version),
      (error: unknown) => request.handleFailed(error),
    )
  }

  remove(entity: EntityId, guard: Guard): Promise<bigint> {
    return this.#perform(entity, (store) => store.remove(entity, guard), REMOVE, [guardFrom(guard)])
  }

  // What concerns many entities is asked of the store that is here

  due(query: DueQuery): Promise<Task[]> {
    return this.#parts.store.due(query)
  }

  scan(scan: Scan): Promise<ScanPage> {
    return this.#parts.store.scan(scan)
  }

  indexes(type?: string): Promise<IndexStatus[]> {
    return this.#parts.store.indexes(type)
  }

  setIndex(status: IndexStatus): Promise<void> {
    return this.#parts.store.setIndex(status)
  }

  dropIndex(type: string, index: string): Promise<void> {
    return this.#parts.store.dropIndex(type, index)
  }

  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): Promise<boolean> {
    return this.#parts.store.reindex(entity, version, indexes)
  }

  close(): Promise<void> {
    return this.#parts.store.close()
  }

  #isDirect({ type, id }: EntityId): boolean {
    return this.#parts.partitions.isShared === true || this.#open.has(partitionOf(type, id))
  }

  #perform<T>(
    entity: EntityId,
    directly: (store: StateStore) => Promise<T>,
    what: string,
    args: readonly unknown[],
  ): Promise<T> {
    if (this.#isDirect(entity)) return directly(this.#parts.store)
    return this.#askOwner(entity, directly, what, args)
  }

  /** Asks until somebody owns the partition: it may be this node in the end. */
  async #askOwner<T>(
    { type, id }: EntityId,
    directly: (store: StateStore) => Promise<T>,
    what: string,
    args: readonly unknown[],
  ): Promise<T> {
    const { owners, clock, store } = this.#parts
    const partition = partitionOf(type, id)
    for (;;) {
      if (this.#isDirect({ type, id })) return directly(store)
      try {
        const answer = owners.ask(partition, what, [type, id, ...args])
        if (answer !== undefined) return (await answer) as T
      } catch (error) {
        if (isEpicError(error) && error.code === 'NodeLost') throw unknown(what, type, id, error)
        if (!isEpicError(error) || error.code !== 'Moved') throw error
      }
      if (owners.isClosed()) throw notHere(type, id)
      await pause(clock, RETRY_MS)
    }
  }
}

/** What crosses of a guard, whatever else its object is. */
function guardFrom({ epoch, version }: Guard): Guard {
  return { epoch, version }
}

function bigint(value: unknown): bigint {
  if (typeof value !== 'bigint') throw broken()
  return value
}

function guardOf(value: unknown): Guard {
  const { epoch, version } = fieldsOf(value)
  return { epoch: bigint(epoch), version: bigint(version) }
}

/** What stands in a write from a peer; the store checks names and sizes. */
function writeOf(value: unknown): Write {
  const { bytes, indexes, tasks } = fieldsOf(value)
  const isWrite =
    (bytes === undefined || bytes instanceof Uint8Array) &&
    (indexes === undefined || isListOf(indexes, isIndexEntry)) &&
    (tasks === undefined || isListOf(tasks, isTaskChange))
  if (!isWrite) throw broken()
  return value as Write
}

function isListOf(value: unknown, isOne: (fields: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every((each) => isOne(fieldsOf(each)))
}

function isIndexEntry({ index, key }: Record<string, unknown>): boolean {
  return typeof index === 'string' && key instanceof Uint8Array
}

function isTaskChange({ kind, key, dueMs, body }: Record<string, unknown>): boolean {
  if (typeof key !== 'string') return false
  if (kind === 'clear') return true
  return kind === 'set' && typeof dueMs === 'number' && body instanceof Uint8Array
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw broken()
  return value as Record<string, unknown>
}

function broken(): EpicError {
  return new EpicError('ProtocolBroken', 'Cannot read a request to the store: it has another form')
}

function notHere(type: string, id: string): EpicError {
  return new EpicError(
    'Moved',
    `Cannot reach the store of "${type}/${id}": this node does not serve its partition now`,
  )
}

function unknown(what: string, type: string, id: string, cause: EpicError): EpicError {
  return new EpicError(
    'Unknown',
    `Cannot know what became of ${what} for "${type}/${id}": the owner of its partition was lost`,
    { cause },
  )
}
