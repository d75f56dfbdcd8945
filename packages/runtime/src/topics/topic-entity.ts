/**
 * A topic is an entity like any other: it has a home, saves who is subscribed, moves, and is brought back after a crash by the next
 * message. That is all that makes subscriptions survive; see docs/decisions/0020-topics-are-entities.md.
 */
import type { Codec } from '@epicserver/wire'
import { Entity, type EntityClass } from '../model/entity.ts'
import type { RefObject } from '../model/ref.ts'
import { settings } from '../model/settings.ts'
import type { Condition } from '../queries/query-expression.ts'
import { Roster, type RosterFields, type Subscription } from './roster.ts'

/** The type of topics; no class of an app may be called so. */
export const TOPIC_TYPE = '$Topic'

/** Messages that may wait for a topic; what comes beyond is lost, as its publisher was told. */
const MAILBOX_MAX = 10_000

/** Brings a message of a topic to its hearers, wherever they live. */
export type Spread = (topic: string, message: unknown, hearers: Iterable<Subscription>) => void

/** The operations of a topic, as the node calls them. */
export interface TopicOperations {
  subscribe(subscriber: RefObject, operation: string, filter: Condition | null): Promise<void>
  unsubscribe(subscriber: RefObject): Promise<void>
  publish(message: unknown): void
}

/** The class of topics of one node. */
export function createTopicClass(codec: Codec, spread: Spread): EntityClass {
  class TopicEntity extends Entity implements TopicOperations {
    static override settings = settings<TopicEntity>({
      mailboxMax: MAILBOX_MAX,
      operations: {
        subscribe: { idempotent: true },
        unsubscribe: { idempotent: true },
        publish: { oneWay: true },
      },
    })
    #roster: Roster | undefined

    async subscribe(
      subscriber: RefObject,
      operation: string,
      filter: Condition | null,
    ): Promise<void> {
      this.#opened().add({ subscriber, operation, filter })
    }

    async unsubscribe(subscriber: RefObject): Promise<void> {
      this.#opened().remove(subscriber)
    }

    publish(message: unknown): void {
      spread(this.id, message, this.#opened().hearersOf(message))
    }

    /** The list stands in the entity's own fields, which are loaded after it was constructed. */
    #opened(): Roster {
      this.#roster ??= new Roster(codec, this as unknown as RosterFields)
      return this.#roster
    }
  }
  return TopicEntity
}
