/**
 * Topics as people program against them: one publishes, many hear.
 *
 * Who is subscribed is durable: it survives that the subscriber is put away, moves or crashes, and a message wakes whom it finds
 * asleep. A message itself is not: it is delivered at most once, and nobody is told of one that was lost.
 */
import type { Fields, Where } from '../queries/query-expression.ts'

/** What anyone may do with a topic. */
export interface TopicPublisher<M = unknown> {
  readonly name: string
  /** Sends a message to all who are subscribed when it reaches the topic; at most once to each. */
  publish(message: M): void
}

/** A topic as an entity has it. An entity has one subscription to a topic. */
export interface Topic<M = unknown> extends TopicPublisher<M> {
  /**
   * Has an operation of this entity called with each message and the topic's name, from now on and for good. It is durable when the
   * promise resolves. Subscribing again replaces operation and filter.
   * @param filter - which messages are of interest, by their fields; it is data, and is evaluated where the topic lives
   * @throws EpicError `UnknownOperation`, `Overloaded` when the topic has as many subscribers as it may have
   * @example
   * await this.topic<Offer>('market').subscribe('onOffer', (offer) => offer.price.lt(100))
   */
  subscribe(operation: string, filter?: (message: Fields<M>) => Where): Promise<void>
  /** Ends this entity's subscription; without one it does nothing. */
  unsubscribe(): Promise<void>
}
