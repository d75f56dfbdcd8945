/**
 * A sink gathers channels: what they receive goes to one set of handlers, and what is sent to it goes to all of them.
 *
 * Channels come in through filters, one by one (`add`) or all that a pipe makes (`gather`), and leave when they are over. A
 * channel's own handlers are asked first. What is sent to many is encoded once for each protocol among them, and a member
 * whose lane is full is passed over and counted: one slow reader must not hold up the room.
 */
import { isEpicError } from '@epicserver/contracts'
import type { Channel } from './channel.ts'
import type { ChannelSink, SendOptions } from './channel-parts.ts'
import { Handlers } from './handlers.ts'
import type { anyKey, Handler, HandlersByKey, Key, KeyOf, MessageOfKey } from './handlers.ts'
import type { Pipe } from './pipe.ts'
import { SharedMessage } from './shared-message.ts'

/** Whether a channel belongs in a sink; asked once, when it would come in. */
export type ChannelFilter<M> = (channel: Channel<M>) => boolean

/** What a {@link Sink} is made with. */
export interface SinkOptions<M> {
  /** All of them must agree. */
  readonly filters?: readonly ChannelFilter<M>[]
  readonly keyOf?: KeyOf<M>
  /** What logs call it. */
  readonly name?: string
}

/** How a message is sent to all members. */
export interface SinkSendOptions<M> extends SendOptions {
  /** A member that does not get it; the one it came from, for example. */
  readonly except?: Channel<M>
}

/**
 * Gathers channels.
 * @example
 * const room = new Sink({ filters: [(channel) => channel.peer.transport === 'tcp'] })
 * room.gather(pipe)
 * room.on('say', (message, from) => room.send(message, { except: from }))
 */
export class Sink<M = unknown> {
  readonly #filters: readonly ChannelFilter<M>[]
  readonly #name: string
  readonly #handlers: Handlers<M, Channel<M>>
  readonly #members = new Set<Channel<M>>()
  readonly #entrance: ChannelSink<M> = {
    dispatch: (message, channel) => this.#handlers.dispatch(message, channel),
    handleEnd: (channel) => this.#members.delete(channel),
  }
  #passedOver = 0

  constructor(options: SinkOptions<M> = {}) {
    this.#filters = options.filters ?? []
    this.#name = options.name ?? 'sink'
    this.#handlers = new Handlers(options.keyOf)
  }

  get size(): number {
    return this.#members.size
  }

  /** The members, in the order in which they came. */
  get members(): ReadonlySet<Channel<M>> {
    return this.#members
  }

  /** How often a member did not get a message because its lane was full. */
  get passedOver(): number {
    return this.#passedOver
  }

  /** Takes a channel in if all filters agree; says whether they did. */
  add(channel: Channel<M>): boolean {
    if (channel.state !== 'open' || !this.#filters.every((filter) => filter(channel))) return false
    this.#members.add(channel)
    channel.addSink(this.#entrance)
    return true
  }

  remove(channel: Channel<M>): boolean {
    channel.removeSink(this.#entrance)
    return this.#members.delete(channel)
  }

  /** Takes in the channels that the pipe has and will have. @returns what ends that. */
  gather(pipe: Pipe<M>): () => void {
    for (const channel of pipe.channels) this.add(channel)
    const undo = [
      pipe.on('accepted', (channel) => void this.add(channel)),
      pipe.on('connected', (channel) => void this.add(channel)),
    ]
    return () => {
      for (const stop of undo) stop()
    }
  }

  /** As a channel's `on`, for the messages of all members. */
  on<K extends Key>(key: K, handler: Handler<MessageOfKey<M, K>, Channel<M>>): () => void
  on(key: typeof anyKey, handler: Handler<M, Channel<M>>): () => void
  on(keyOf: KeyOf<M>, handlers: HandlersByKey<M, Channel<M>>): () => void
  on(
    key: Key | typeof anyKey | KeyOf<M>,
    handlers: Handler<never, Channel<M>> | HandlersByKey<M, Channel<M>>,
  ): () => void {
    return this.#handlers.register(key, handlers)
  }

  /**
   * Sends a message to all members; returns how many get it.
   * @throws EpicError `CannotCross`, `MessageTooLarge`.
   */
  send(message: M, options: SinkSendOptions<M> = {}): number {
    const shared = new SharedMessage(message)
    let reached = 0
    for (const channel of this.#members) {
      if (channel === options.except || channel.state !== 'open') continue
      if (this.#sendTo(channel, shared, options)) reached += 1
    }
    return reached
  }

  describe(): string {
    return `${this.#name} of ${this.size} channels`
  }

  #sendTo(channel: Channel<M>, shared: SharedMessage<M>, options: SendOptions): boolean {
    try {
      channel.sendShared(shared, options)
      return true
    } catch (error) {
      if (!isEpicError(error) || error.code !== 'Overloaded') throw error
      this.#passedOver += 1
      return false
    }
  }
}
