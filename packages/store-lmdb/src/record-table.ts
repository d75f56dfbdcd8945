/** The records of a shard: read and checked. */
import { EpicError, formatEntityId, formatEpoch } from '@epicserver/contracts'
import type { Guard } from '@epicserver/contracts'
import type { Changes } from './changes.ts'
import { entityOfKey, partitionOfKey, PARTITION_BYTES, prefixEnd } from './entity-key.ts'
import type { Environment } from './environment.ts'
import type { Quarantine } from './quarantine.ts'
import { decodeRecord, encodeRecord, sealProblem, sealState } from './record.ts'
import type { RecordHead, StatePart } from './record.ts'
import type { EntitySubject } from './subjects.ts'

/** A record that is whole. */
export interface FoundRecord {
  readonly head: RecordHead
  readonly state: StatePart
}

export class RecordTable {
  readonly #environment: Environment
  readonly #quarantine: Quarantine
  /** Partitions that have a record, or had one lately; unknown until somebody asks. */
  #partitions: Set<number> | undefined

  constructor(environment: Environment, quarantine: Quarantine) {
    this.#environment = environment
    this.#quarantine = quarantine
  }

  /**
   * The record under this key, as it is durable; a large state is not read.
   * @throws EpicError `CorruptRecord`, `StoreNewer`.
   */
  find(key: Buffer): FoundRecord | undefined {
    const bytes = this.#environment.tables.records.getBinary(key)
    if (bytes === undefined) return undefined
    const decoded = decodeRecord(key, bytes)
    if (!('problem' in decoded)) return decoded
    if (decoded.isNewer) {
      const name = formatEntityId(entityOfKey(key))
      throw new EpicError('StoreNewer', `Cannot read "${name}": ${decoded.problem}`)
    }
    throw this.#quarantine.take(key, bytes, decoded.problem)
  }

  /** The state of a record that was found. */
  stateOf(key: Buffer, { state }: FoundRecord): Uint8Array | null {
    if (state === null || state instanceof Uint8Array) return state
    const bytes = this.#environment.tables.states.getBinary(key)
    const problem = sealProblem(key, state, bytes)
    if (problem === undefined) return bytes ?? null
    throw this.#quarantine.take(key, bytes ?? Buffer.alloc(0), problem)
  }

  /**
   * The head of the record that a writer may replace; nothing, where there is none.
   * @throws EpicError `Fenced` when the stored epoch is higher or the stored version another.
   */
  guarded(subject: EntitySubject, guard: Guard): RecordHead | undefined {
    const { name, key } = subject
    const head = subject.head ?? this.find(key)?.head
    if (head !== undefined && head.epoch > guard.epoch) {
      throw epochError('write', name, { asked: guard.epoch, stored: head.epoch })
    }
    const stored = head?.version ?? 0n
    if (stored === guard.version) return head
    throw new EpicError(
      'Fenced',
      `Cannot write "${name}" from version ${guard.version}: version ${stored} is stored`,
    )
  }

  /** All partitions that have a record: a walk need not look into the others. */
  get partitions(): ReadonlySet<number> {
    this.#partitions ??= this.#findPartitions()
    return this.#partitions
  }

  /** Adds a record with another state than the one before. */
  replace(changes: Changes, key: Buffer, { before, head, bytes }: Replacement): void {
    const { states } = this.#environment.tables
    let state: StatePart = bytes
    if (bytes !== null && head.stateAt === 'elsewhere') {
      changes.put(states, key, bytes)
      state = sealState(key, bytes)
    } else if (before?.stateAt === 'elsewhere') changes.remove(states, key)
    this.put(changes, key, { head, state })
  }

  /** Adds a record whose state is as it was. */
  put(changes: Changes, key: Buffer, { head, state }: FoundRecord): void {
    this.#partitions?.add(partitionOfKey(key))
    changes.put(this.#environment.tables.records, key, encodeRecord(key, head, state))
  }

  /** Adds the removal of all that is on disk of a record. */
  remove(changes: Changes, key: Buffer): void {
    changes.remove(this.#environment.tables.records, key)
    changes.remove(this.#environment.tables.states, key)
  }

  /** Hops from the first record of a partition to the first of a later one. */
  #findPartitions(): Set<number> {
    const { records } = this.#environment.tables
    const found = new Set<number>()
    let start: Buffer = Buffer.of(0)
    for (;;) {
      const [key] = records.getKeys({ start, limit: 1 })
      if (key === undefined) return found
      found.add(partitionOfKey(key))
      start = prefixEnd(key.subarray(0, PARTITION_BYTES))
    }
  }
}

/** One record in place of another, with another state. */
export interface Replacement {
  readonly before: RecordHead | undefined
  readonly head: RecordHead
  readonly bytes: Uint8Array | null
}

/** Says that a higher epoch is stored. */
export function epochError(
  what: string,
  name: string,
  { asked, stored }: { readonly asked: bigint; readonly stored: bigint },
): EpicError {
  return new EpicError(
    'Fenced',
    `Cannot ${what} "${name}" at epoch ${formatEpoch(asked)}: epoch ${formatEpoch(stored)} is stored`,
  )
}
