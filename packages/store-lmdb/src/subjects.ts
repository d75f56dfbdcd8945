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
  #young = new Map<string, EntitySubject>()
  #old = new Map<string, EntitySubject>()
  readonly #size: number

  constructor(size: number = SUBJECTS_KEPT) {
    this.#size = size
  }

  /**
   * The subject of an entity; the same one as long as any request for it waits. An entity is checked when its subject is made: no
   * identity that is refused has the name of one that is not, since none of these holds a NUL.
   * @throws EpicError `InvalidId`.
   */
  of(entity: EntityId): EntitySubject {
    const name = nameOf(entity)
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const subject = this.#old.get(name) ?? new EntitySubject(entity)
    if (this.#young.size >= this.#size) this.#age()
    this.#young.set(name, subject)
    return subject
  }

  #age(): void {
    const dropped = this.#old
    this.#old = this.#young
    this.#young = new Map()
    for (const [name, subject] of dropped) {
      if (subject.waiting > 0 && !this.#old.has(name)) this.#young.set(name, subject)
    }
  }
}

function nameOf({ type, id }: EntityId): string {
  return `${type}\0${id}`
}
