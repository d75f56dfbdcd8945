/** The records of a shard: read, checked and remembered. */
import { EpicError, formatEntityId, formatEpoch } from '@epicserver/contracts'
import type { EntityId, Guard } from '@epicserver/contracts'
import type { Changes } from './changes.ts'
import { entityOfKey } from './entity-key.ts'
import type { Environment } from './environment.ts'
import { INLINE_STATE_BYTES_MAX } from './limits.ts'
import type { Quarantine } from './quarantine.ts'
import { decodeRecord, encodeRecord, sealProblem, sealState } from './record.ts'
import type { RecordHead, StatePart } from './record.ts'
import { RememberedHeads } from './remembered-heads.ts'

/** A record that is whole. */
export interface FoundRecord {
  readonly head: RecordHead
  readonly state: StatePart
}

export class RecordTable {
  readonly #environment: Environment
  readonly #quarantine: Quarantine
  readonly #remembered = new RememberedHeads()

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
  guarded(key: Buffer, name: string, guard: Guard): RecordHead | undefined {
    const head = this.#remembered.get(name) ?? this.find(key)?.head
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

  /** Adds a record that replaces the one before; a state of `undefined` stays as it is. Gives the head that is then on disk. */
  replace(changes: Changes, key: Buffer, { before, next, bytes }: Replacement): RecordHead {
    if (bytes === undefined) {
      const found = before === undefined ? undefined : this.find(key)
      const { state, head } = found ?? { state: null, head: { stateAt: 'nowhere' } as const }
      return this.reseal(changes, key, { state }, { ...next, stateAt: head.stateAt })
    }
    const { records, states } = this.#environment.tables
    const isElsewhere = bytes !== null && bytes.length > INLINE_STATE_BYTES_MAX
    if (isElsewhere) changes.put(states, key, bytes)
    else if (before?.stateAt === 'elsewhere') changes.remove(states, key)
    const stateAt = isElsewhere ? 'elsewhere' : bytes === null ? 'nowhere' : 'inside'
    const head = { ...next, stateAt } as const
    const state = isElsewhere ? sealState(key, bytes) : bytes
    changes.put(records, key, encodeRecord(key, head, state))
    return head
  }

  /** Adds a record that differs from the one found in its head only. */
  reseal(
    changes: Changes,
    key: Buffer,
    { state }: Pick<FoundRecord, 'state'>,
    head: RecordHead,
  ): RecordHead {
    changes.put(this.#environment.tables.records, key, encodeRecord(key, head, state))
    return head
  }

  /** What is on disk of an entity from now on. */
  remember(name: string, head: RecordHead): void {
    this.#remembered.set(name, head)
  }

  forget(name: string): void {
    this.#remembered.delete(name)
  }
}

/** One record in place of another. */
export interface Replacement {
  readonly before: RecordHead | undefined
  readonly next: Omit<RecordHead, 'stateAt'>
  /** The new state; `null` takes it away, `undefined` leaves it. */
  readonly bytes: Uint8Array | null | undefined
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
