/**
 * The state of an entity: which fields it has, whether they changed, and how they are saved and restored.
 *
 * State is the object's own enumerable fields, less the transient ones. Whether it changed is asked after every turn of a
 * persistent entity, so the answer must be cheap. As long as all fields hold primitives or refs, the mark of what is saved is the
 * list of values, and comparing costs a few nanoseconds a field. Otherwise the state is encoded and a 128-bit hash compared:
 * the chance of a false "unchanged" is that of a broken disk, and 16 bytes are kept instead of a second copy.
 *
 * A record is `format, class version, state, extras`; extras are what the runtime saves along with the state.
 */
import { EpicError, type EntityId } from '@epicserver/contracts'
import { hash128, type Reader } from '@epicserver/wire'
import type { ClassDescription } from '../model/class-description.ts'
import type { NodeCodec } from '../node/codec.ts'
import { isRef } from '../model/ref.ts'

const RECORD_FORMAT = 1

/** What is remembered of the state as it is saved. */
export type StateMark = FieldList | string

/** Fields by name, and what each holds. */
interface FieldList {
  readonly fields: readonly string[]
  readonly values: readonly unknown[]
}

/** A changed state, ready to be written. */
export interface StateChange {
  readonly bytes: Uint8Array
  readonly mark: StateMark
}

/** A decoded record. */
export interface RecordContent {
  readonly version: number
  readonly state: Record<string, unknown>
  readonly extras: unknown
}

export class EntityState {
  readonly #description: ClassDescription
  readonly #codec: NodeCodec
  #fields: readonly string[] = []

  constructor(description: ClassDescription, codec: NodeCodec) {
    this.#description = description
    this.#codec = codec
  }

  /** Remembers the present state as the saved one. */
  mark(instance: object, entity: EntityId): StateMark {
    return this.#flatMark(instance) ?? hashOf(this.#encode(instance, null, entity))
  }

  /** The record to write, or `null` when the state is as marked. `isForced` writes in any case. */
  change(
    instance: object,
    mark: StateMark | null,
    extras: unknown,
    entity: EntityId,
    isForced: boolean,
  ): StateChange | null {
    if (!isForced && mark !== null && typeof mark !== 'string' && this.#isAsMarked(instance, mark))
      return null
    const flat = this.#flatMark(instance)
    const record = this.#encodeFields(flat ?? this.#listFields(instance), extras, entity)
    const present = flat ?? hashOf(record)
    return !isForced && present === mark ? null : { bytes: record.bytes, mark: present }
  }

  /** Bytes from which `restore` brings back what the fields hold now. */
  encode(instance: object, extras: unknown, entity: EntityId): Uint8Array {
    return this.#encode(instance, extras, entity).bytes
  }

  /** Puts a saved state into a fresh object. */
  fill(instance: object, state: Readonly<Record<string, unknown>>): void {
    for (const [field, value] of Object.entries(state)) {
      Object.defineProperty(instance, field, {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
  }

  /** Brings fields back to what `bytes` hold: those that came since are removed. */
  restore(instance: object, bytes: Uint8Array, entity: EntityId): void {
    const { state } = this.decode(bytes, entity)
    for (const field of this.#fieldNames(instance)) {
      if (!Object.hasOwn(state, field)) delete (instance as Record<string, unknown>)[field]
    }
    this.fill(instance, state)
  }

  /**
   * Reads a record and upgrades it to the present version.
   * @throws EpicError `CorruptRecord`, `StateNewer`, `UpgradeFailed`
   */
  decode(bytes: Uint8Array, entity: EntityId): RecordContent {
    const content = decodeRecord(this.#codec.readState(bytes), entity)
    const { version, upgrade } = this.#description
    const name = `${entity.type}/${entity.id}`
    if (content.version > version) {
      throw new EpicError(
        'StateNewer',
        `Cannot load "${name}": its state is of version ${content.version}, the class is of version ${version}`,
      )
    }
    if (content.version === version || upgrade === undefined) return content
    try {
      return { ...content, state: upgrade(content.state, content.version) }
    } catch (cause) {
      throw new EpicError(
        'UpgradeFailed',
        `Cannot load "${name}": upgrade from version ${content.version} to ${version} threw`,
        { cause },
      )
    }
  }

  /** The fields as a plain object, for inspection. */
  fieldsOf(instance: object): Record<string, unknown> {
    const state: Record<string, unknown> = {}
    for (const field of this.#fieldNames(instance))
      state[field] = (instance as Record<string, unknown>)[field]
    return state
  }

  #fieldNames(instance: object): string[] {
    const { transient } = this.#description
    const names = Object.keys(instance)
    return transient.size === 0 ? names : names.filter((name) => !transient.has(name))
  }

  /** The fields and their values, where all of these are primitives or refs. */
  #flatMark(instance: object): FieldList | undefined {
    const fields = this.#fieldNames(instance)
    const values = new Array<unknown>(fields.length)
    for (let i = 0; i < fields.length; i += 1) {
      const value = (instance as Record<string, unknown>)[fields[i]!]
      if (!isFlat(value)) return undefined
      values[i] = value
    }
    // One list of names for all entities of a class, but for those that differ.
    if (!isSameList(fields, this.#fields)) this.#fields = fields
    return { fields: this.#fields, values }
  }

  #listFields(instance: object): FieldList {
    const fields = this.#fieldNames(instance)
    return { fields, values: fields.map((field) => (instance as Record<string, unknown>)[field]) }
  }

  #isAsMarked(instance: object, mark: FieldList): boolean {
    const { transient } = this.#description
    let index = 0
    for (const field in instance) {
      if (transient.size > 0 && transient.has(field)) continue
      if (field !== mark.fields[index]) return false
      if (!Object.is((instance as Record<string, unknown>)[field], mark.values[index])) return false
      index += 1
    }
    return index === mark.fields.length
  }

  #encode(instance: object, extras: unknown, entity: EntityId): EncodedRecord {
    return this.#encodeFields(this.#listFields(instance), extras, entity)
  }

  #encodeFields({ fields, values }: FieldList, extras: unknown, entity: EntityId): EncodedRecord {
    const writer = this.#codec.stateWriter
    writer.reset()
    writer.u8(RECORD_FORMAT)
    writer.varuint(this.#description.version)
    const start = writer.length
    const problem = writer.fields(fields, values)
    if (problem !== undefined) {
      throw new EpicError(
        'CannotSave',
        `Cannot save "${entity.type}/${entity.id}": ${problem.path} is ${problem.found}`,
        { details: { path: problem.path } },
      )
    }
    const end = writer.length
    const failed = writer.value(extras)
    if (failed !== undefined)
      throw new Error(`Extras of ${entity.type} cannot be saved: ${failed.path}`)
    return { bytes: writer.take(), start, end }
  }
}

/** A record, and where in it the state stands. */
interface EncodedRecord {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

function hashOf({ bytes, start, end }: EncodedRecord): string {
  return hash128(bytes.subarray(start, end)).join(',')
}

/** Reads a record without knowing its class. */
function decodeRecord(reader: Reader, entity: EntityId): RecordContent {
  const format = reader.u8()
  const version = reader.varuint()
  const state = reader.value()
  const extras = reader.value()
  if (reader.failed || format !== RECORD_FORMAT || typeof state !== 'object' || state === null) {
    throw new EpicError(
      'CorruptRecord',
      `Cannot load "${entity.type}/${entity.id}": its record does not decode`,
    )
  }
  return { version, state: state as Record<string, unknown>, extras }
}

function isFlat(value: unknown): boolean {
  switch (typeof value) {
    case 'object':
      return value === null || isRef(value)
    case 'function':
    case 'symbol':
      return false
    default:
      return true
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}
