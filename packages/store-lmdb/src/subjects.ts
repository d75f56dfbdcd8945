/**
 * The entities that requests are about: each is one object while anything concerns it, with all that is worth not doing twice.
 *
 * What an entity in use has on disk is what this process wrote there last, so its next write need not read the record. And since all
 * requests for an entity meet in its subject, two of them that would share a commit are told by a number in it.
 *
 * Subjects that nothing waits for are kept in two generations: when the young one is full it becomes the old one, from which what is
 * asked for comes back, and the old one is dropped. Bounded, with no list to keep in order.
 */
import { checkEntityId, formatEntityId } from '@epicserver/contracts'
import type { EntityId } from '@epicserver/contracts'
import { entityKey, partitionOfKey } from './entity-key.ts'
import { SUBJECTS_KEPT } from './limits.ts'
import type { RecordHead } from './record.ts'

/** Something that requests are about. */
export class Subject {
  /** The last commit that has a change of it. */
  changedIn = 0
}

/** An entity that requests are about. */
export class EntitySubject extends Subject {
  readonly entity: EntityId
  readonly name: string
  readonly key: Buffer
  /** The record as it is durable, when that is known. */
  head: RecordHead | undefined
  /** Requests that are not answered yet. */
  waiting = 0

  /** @throws EpicError `InvalidId`. */
  constructor(entity: EntityId) {
    super()
    checkEntityId(entity)
    this.entity = { type: entity.type, id: entity.id }
    this.name = formatEntityId(entity)
    this.key = entityKey(entity)
    this.head = undefined
  }

  get partition(): number {
    return partitionOfKey(this.key)
  }
}

export class Subjects {
  #young = new Generation()
  #old = new Generation()
  readonly #size: number

  constructor(size: number = SUBJECTS_KEPT) {
    this.#size = size
  }

  /**
   * The subject of an entity; the same one as long as any request for it waits. An entity is checked when its subject is made.
   * @throws EpicError `InvalidId`.
   */
  of(entity: EntityId): EntitySubject {
    const young = this.#young.find(entity)
    if (young !== undefined) return young
    const subject = this.#old.find(entity) ?? new EntitySubject(entity)
    if (this.#young.size >= this.#size) this.#age()
    this.#young.add(subject)
    return subject
  }

  #age(): void {
    const dropped = this.#old
    this.#old = this.#young
    this.#young = new Generation()
    for (const subject of dropped.subjects()) {
      if (subject.waiting > 0 && this.#old.find(subject.entity) === undefined) {
        this.#young.add(subject)
      }
    }
  }
}

/** Subjects by type, then by id: one key of both would be a text to be made, and hashed, for each request. */
class Generation {
  size = 0
  readonly #types = new Map<string, Map<string, EntitySubject>>()

  find({ type, id }: EntityId): EntitySubject | undefined {
    return this.#types.get(type)?.get(id)
  }

  add(subject: EntitySubject): void {
    const { type, id } = subject.entity
    let ids = this.#types.get(type)
    if (ids === undefined) {
      ids = new Map<string, EntitySubject>()
      this.#types.set(type, ids)
    }
    ids.set(id, subject)
    this.size += 1
  }

  *subjects(): Generator<EntitySubject, void> {
    for (const ids of this.#types.values()) yield* ids.values()
  }
}
