/**
 * Who is subscribed to a topic: the list, and the form in which it is saved.
 *
 * The list is kept in buckets, by the subscriber's partition, and each bucket is one text field of the topic's entity. So a new
 * subscriber costs a bucket and not the list, and that nothing has changed (which is asked after each message) is seen at a glance.
 *
 * Subscribers whose class is no longer in the app are left out, and forgotten with the next change of their bucket.
 */
import { EpicError } from '@epicserver/contracts'
import type { Codec } from '@epicserver/wire'
import { isRef, partitionOfRef, type RefObject } from '../model/ref.ts'
import { meets, type Condition, type State } from '../queries/query-expression.ts'

/** One who is subscribed, and what for. */
export interface Subscription {
  readonly subscriber: RefObject
  readonly operation: string
  readonly filter: Condition | null
}

/** The saved form: a text for each bucket in use, by its field's name. */
export type RosterFields = Record<string, string>

const BUCKETS = 64
const FIELD = /^b\d+$/

/** Subscribers of one topic: each costs a call a message, and a busy topic has many of these. */
export const SUBSCRIBERS_MAX = 10_000

export class Roster {
  readonly #codec: Codec
  readonly #fields: RosterFields
  readonly #buckets = new Map<string, Map<RefObject, Subscription>>()
  #size = 0

  /** Reads the list from the fields that it was saved in, and writes changes there. */
  constructor(codec: Codec, fields: RosterFields) {
    this.#codec = codec
    this.#fields = fields
    for (const [name, text] of Object.entries(fields)) {
      if (!FIELD.test(name)) continue
      const bucket = decode(codec, text)
      this.#buckets.set(name, bucket)
      this.#size += bucket.size
    }
  }

  get size(): number {
    return this.#size
  }

  /** @throws EpicError `Overloaded` */
  add(subscription: Subscription): void {
    const { subscriber } = subscription
    const name = bucketOf(subscriber)
    const bucket = this.#buckets.get(name) ?? new Map<RefObject, Subscription>()
    if (!bucket.has(subscriber) && this.#size >= SUBSCRIBERS_MAX) {
      throw new EpicError(
        'Overloaded',
        `Cannot subscribe "${subscriber.toString()}": the topic has ${this.#size} of at most ${SUBSCRIBERS_MAX} subscribers`,
      )
    }
    this.#buckets.set(name, new Map(bucket).set(subscriber, subscription))
    this.#save(name, bucket.size)
  }

  /** Whether the subscriber was there. */
  remove(subscriber: RefObject): boolean {
    const name = bucketOf(subscriber)
    const bucket = this.#buckets.get(name)
    if (bucket === undefined || !bucket.has(subscriber)) return false
    const left = new Map(bucket)
    left.delete(subscriber)
    this.#buckets.set(name, left)
    this.#save(name, bucket.size)
    return true
  }

  /** Those who want to hear a message. */
  *hearersOf(message: unknown): Generator<Subscription> {
    for (const bucket of this.#buckets.values()) {
      for (const subscription of bucket.values()) {
        const { filter } = subscription
        if (filter === null || (isState(message) && meets(message, filter))) yield subscription
      }
    }
  }

  #save(name: string, sizeBefore: number): void {
    const bucket = this.#buckets.get(name) ?? new Map<RefObject, Subscription>()
    this.#size += bucket.size - sizeBefore
    const list = [...bucket.values()].map((one) => [one.subscriber, one.operation, one.filter])
    if (list.length === 0) delete this.#fields[name]
    else this.#fields[name] = Buffer.from(this.#codec.encode(list)).toString('base64')
  }
}

function bucketOf(subscriber: RefObject): string {
  return `b${partitionOfRef(subscriber) % BUCKETS}`
}

function decode(codec: Codec, text: string): Map<RefObject, Subscription> {
  const result = codec.decode(Buffer.from(text, 'base64'))
  const list = result.ok && Array.isArray(result.value) ? (result.value as unknown[][]) : []
  const bucket = new Map<RefObject, Subscription>()
  for (const [subscriber, operation, filter] of list) {
    if (!isRef(subscriber) || typeof operation !== 'string') continue
    const ref = subscriber as unknown as RefObject
    bucket.set(ref, { subscriber: ref, operation, filter: (filter ?? null) as Condition | null })
  }
  return bucket
}

function isState(message: unknown): message is State {
  return typeof message === 'object' && message !== null
}
