/**
 * What was found damaged: it is copied aside, told to whoever listens, and left where it is, so that it goes on being refused
 * instead of being taken for "never saved". All others are unaffected.
 */
import { EpicError, formatEntityId } from '@epicserver/contracts'
import type { EntityId } from '@epicserver/contracts'
import { checksum } from './checksum.ts'
import { entityOfKey } from './entity-key.ts'
import type { Environment } from './environment.ts'
import type { Damage, QuarantinedRecord } from './found-records.ts'
import type { GroupCommit } from './group-commit.ts'
import { Subject } from './subjects.ts'

const DIGEST_BYTES = 4

export class Quarantine {
  readonly #environment: Environment
  readonly #commits: GroupCommit
  readonly #onDamage: (damage: Damage) => void
  /** What was set aside by this process, so that a record that is read again and again is copied once. */
  readonly #known = new Set<string>()

  constructor(
    environment: Environment,
    commits: GroupCommit,
    onDamage: (damage: Damage) => void = () => undefined,
  ) {
    this.#environment = environment
    this.#commits = commits
    this.#onDamage = onDamage
  }

  /** Sets a copy aside in the next commit, and says what the caller gets instead of the record. */
  take(key: Buffer, found: Buffer, problem: string): EpicError {
    const entity = entityOfKey(key)
    const bytes = Buffer.from(found)
    const place = Buffer.concat([key, Buffer.alloc(DIGEST_BYTES)])
    place.writeUInt32BE(checksum(bytes), key.length)
    const name = place.toString('latin1')
    if (!this.#known.has(name)) {
      this.#known.add(name)
      this.#setAside(name, place, bytes)
      this.#onDamage({ entity, problem, bytes })
    }
    return damageError(entity, bytes, problem)
  }

  /** All that was set aside. */
  list(): QuarantinedRecord[] {
    const { quarantine } = this.#environment.tables
    return [...quarantine.getRange({})].map(({ key, value }) => ({
      entity: entityOfKey(key.subarray(0, key.length - DIGEST_BYTES)),
      bytes: value,
    }))
  }

  #setAside(name: string, place: Buffer, bytes: Buffer): void {
    const { quarantine } = this.#environment.tables
    this.#commits.add({
      subject: new Subject(),
      prepare: (changes) => changes.put(quarantine, place, bytes),
      handleDone: () => undefined,
      answer: () => undefined,
      handleFailed: () => this.#known.delete(name),
    })
  }
}

/** Whether an error says that a record is damaged. */
export function isDamage(error: unknown): boolean {
  return error instanceof EpicError && error.code === 'CorruptRecord'
}

function damageError({ type, id }: EntityId, bytes: Buffer, problem: string): EpicError {
  const name = formatEntityId({ type, id })
  return new EpicError('CorruptRecord', `Cannot read "${name}": ${problem}; a copy is set aside`, {
    details: { type, id, bytes: bytes.length, problem },
  })
}
