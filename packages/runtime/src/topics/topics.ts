/**
 * A node's part in topics: brings what is asked of a topic to its entity, and what a topic says to its hearers.
 *
 * Where a topic lives a message is sent once to each node that is home to hearers, with their names; there it is given out. A hearer
 * that lives elsewhere (it was moved) is reached through its home, as by any call. What a gateway needs later is `deliver`: a message
 * with the names of those on this node who want it.
 *
 * At most once: a message is lost when its node or link is, when a hearer's mailbox is full, and when more waits for a slow node than
 * may; while a link is opened or replaced, or a node leaves, messages wait (`outgoing.ts`). Losses are counted, not reported: a flood must not make a flood of log lines.
 *
 * Order: messages of one publisher reach the topic in the order in which they were published, and a hearer in that order, as long as
 * neither topic nor hearer changes its place. One that is under way at that moment may come after a later one.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { ClassDescription, OperationDescription } from '../model/class-description.ts'
import { descriptionOf, isRef, type RefObject } from '../model/ref.ts'
import { UnawaitedCall } from '../node/entity-call.ts'
import type { EntityNode } from '../node/node.ts'
import { conditionOf, fieldsOf } from '../queries/query-expression.ts'
import type { NodeLink } from '../node/ports.ts'
import { Outgoing, type Group, type Parcel } from './outgoing.ts'
import type { Subscription } from './roster.ts'
import { createTopicClass, TOPIC_TYPE, type TopicOperations } from './topic-entity.ts'
import type { Topic, TopicPublisher } from './topic.ts'
import { unknownOperation } from '../node/unnameable.ts'

/** Under which nodes give each other messages of topics. */
const TOPIC_REQUEST = 'topic'

/** Bytes that may wait for one node before messages for it are lost: a second of a slow link. */
const BACKLOG_BYTES_MAX = 16 * 1024 * 1024

/** What became of messages on this node. */
export interface TopicCounts {
  /** Messages that topics here have spread. */
  readonly spread: number
  /** Calls that were made to hearers. */
  readonly delivered: number
  /** What was lost here: hearers that could not take a message, and those of a node that could not be reached. */
  readonly lost: number
}

/** A message for one hearer, and the node from which it came. */
interface Delivery {
  readonly topic: string
  readonly message: unknown
  readonly from: string | undefined
}

export class Topics {
  readonly #node: EntityNode
  readonly #outgoing: Outgoing
  #spread = 0
  #delivered = 0
  #lost = 0

  constructor(node: EntityNode) {
    this.#node = node
    this.#outgoing = new Outgoing({
      node,
      tell: (link, parcel) => this.#tell(link, parcel),
      bring: ({ topic, message, groups }) => this.#bring(topic, message, hearersIn(groups)),
      lose: (parcel, to, error) => this.#lose(parcel, to, error),
    })
    const { messages } = node.codec
    const topicClass = createTopicClass(messages, (...given) => this.#bringToAll(...given))
    node.know(TOPIC_TYPE, topicClass)
    node.requests.set(TOPIC_REQUEST, (from, args) => this.#handleMessage(from, args))
  }

  get counts(): TopicCounts {
    return { spread: this.#spread, delivered: this.#delivered, lost: this.#lost }
  }

  /** A topic for anyone who publishes. */
  publisher<M>(name: string): TopicPublisher<M> {
    const topic = this.#entityOf(name)
    return { name, publish: (message) => topic.publish(message) }
  }

  /** A topic for an entity. */
  topic<M>(activation: Activation, name: string): Topic<M> {
    const topic = this.#entityOf(name)
    const type = activation.type.plan.name
    const subscriber = this.#node.refTo(type, activation.id)
    return {
      ...this.publisher<M>(name),
      subscribe: async (operation, filter) => {
        operationOf(this.#node.description(type), operation, name)
        const condition = filter === undefined ? null : conditionOf(filter(fieldsOf()))
        await topic.subscribe(subscriber, operation, condition)
      },
      unsubscribe: () => topic.unsubscribe(subscriber),
    }
  }

  /** Gives a message out on this node: calls an operation of each hearer. What this node is too late to do goes back `from` where it came. */
  deliver(topic: string, message: unknown, [operation, hearers]: Group, from?: string): void {
    for (const hearer of hearers) {
      const described = descriptionOf(hearer).operations.get(operation)
      if (described === undefined) this.#drop(topic, hearer)
      else this.#call(hearer, described, { topic, message, from })
    }
    this.#node.scheduleDrain()
  }

  #call(
    hearer: RefObject,
    operation: OperationDescription,
    { topic, message, from }: Delivery,
  ): void {
    const handleFailed = (error: unknown, call: UnawaitedCall): void => {
      // What the operation itself threw is its author's to mend.
      if (!isEpicError(error)) return this.#node.reportFailure(error, call)
      const source = from === undefined ? undefined : this.#node.ports.router.linkTo?.(from)
      if (error.code === 'NodeStopping' && source !== undefined) {
        this.#tell(source, { topic, message, groups: [[operation.name, [hearer]]] })
        return
      }
      this.#lost += 1
      // It was never created, or is deleted: it will hear nothing more.
      if (error.code === 'NotFound') this.#drop(topic, hearer)
      else this.#node.log.debug('a message of a topic was lost', { topic, error })
    }
    const call = new UnawaitedCall(
      this.#node,
      hearer,
      operation,
      [message, topic],
      null,
      handleFailed,
    )
    if (this.#node.observer !== null) this.#node.observer.callMade(call)
    this.#delivered += 1
    this.#node.dispatch(call)
  }

  /** Ends the subscription of one who cannot hear. */
  #drop(topic: string, hearer: RefObject): void {
    this.#entityOf(topic)
      .unsubscribe(hearer)
      .catch((error: unknown) =>
        this.#node.log.debug('a subscription could not be ended', { topic, error }),
      )
  }

  #bringToAll(topic: string, message: unknown, hearers: Iterable<Hearer>): void {
    this.#outgoing.look()
    this.#spread += 1
    this.#bring(topic, message, hearers)
  }

  #bring(topic: string, message: unknown, hearers: Iterable<Hearer>): void {
    const { nodeId, ports } = this.#node
    const { router } = ports
    const here = new Hearers()
    const elsewhere = new Map<string, Hearers>()
    for (const { subscriber, operation } of hearers) {
      // Whoever was moved away from here is found by the call itself.
      const home = router.homeOf?.(subscriber) ?? nodeId
      let there = home === nodeId ? here : elsewhere.get(home)
      if (there === undefined) elsewhere.set(home, (there = new Hearers()))
      there.add(operation, subscriber)
    }
    for (const group of here.groups) this.deliver(topic, message, group)
    for (const [home, { groups }] of elsewhere)
      this.#outgoing.send(home, { topic, message, groups })
  }

  #tell(link: NodeLink, parcel: Parcel): void {
    const { topic, message, groups } = parcel
    const handleLost = (error: unknown): void => this.#lose(parcel, link.nodeId, error)
    if (link.backlogBytes > BACKLOG_BYTES_MAX) handleLost(slow(link.nodeId))
    else link.tell(TOPIC_REQUEST, [topic, message, groups], handleLost)
  }

  #lose({ topic, groups }: Parcel, nodeId: string, error: unknown): void {
    for (const [, hearers] of groups) this.#lost += hearers.length
    this.#node.log.debug('a message of a topic was lost', { topic, to: nodeId, error })
  }

  /** A message has come from where its topic lives; or back from a node that leaves: then the calls wait here until it is gone. */
  #handleMessage(from: string, [topic, message, groups]: readonly unknown[]): void {
    if (typeof topic !== 'string' || !Array.isArray(groups)) return
    for (const group of groups as unknown[])
      if (isGroup(group)) this.deliver(topic, message, group, from)
  }

  #entityOf(name: string): TopicOperations {
    return this.#node.refTo(TOPIC_TYPE, name) as unknown as TopicOperations
  }
}

type Hearer = Pick<Subscription, 'subscriber' | 'operation'>

/** Hearers by operation. */
class Hearers {
  readonly #groups = new Map<string, RefObject[]>()

  add(operation: string, hearer: RefObject): void {
    const group = this.#groups.get(operation)
    if (group === undefined) this.#groups.set(operation, [hearer])
    else group.push(hearer)
  }

  get groups(): Group[] {
    return [...this.#groups]
  }
}

function* hearersIn(groups: readonly Group[]): Generator<Hearer> {
  for (const [operation, hearers] of groups)
    for (const subscriber of hearers) yield { subscriber, operation }
}

function operationOf(
  description: ClassDescription,
  operation: string,
  topic: string,
): OperationDescription {
  const described = description.operations.get(operation)
  if (described !== undefined) return described
  throw unknownOperation(`Cannot subscribe to "${topic}"`, description, operation)
}

function isGroup(value: unknown): value is Group {
  if (!Array.isArray(value)) return false
  const [operation, hearers] = value as unknown[]
  return typeof operation === 'string' && Array.isArray(hearers) && hearers.every(isRef)
}

function slow(nodeId: string): EpicError {
  return new EpicError('Overloaded', `Cannot send to node ${nodeId}: too much waits for it`)
}
