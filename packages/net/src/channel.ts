/**
 * A channel: messages to one peer and from it, the same whether the peer is in this process, on this machine or on another.
 *
 * It is put together from parts that know little of each other: a carrier takes batches over a link, an outbox decides what
 * is written when, an inbox keeps what arrives until the runner delivers it, a pulse tells whether the other side lives, and
 * handlers say what a message is for. What is left for this file is the life of a channel, as in `channel-state.ts`.
 *
 * Nothing is delivered before the first handler is there; handlers that are registered in the same tick are all in time.
 *
 * What it does not do: connect again (whoever connects knows whether that makes sense), or send again what was under way when
 * it was torn: whether the other side processed that is unknown, and what to do then is the sender's to know.
 */
import assert from 'node:assert'
import { EpicError } from '@epicserver/contracts'
import type { CarrierEvents, Payload, Signal } from './carrier.ts'
import type { ChannelCounts, ChannelParts, ChannelSink, SendOptions } from './channel-parts.ts'
import { CHANNEL_TRANSITIONS, isOver } from './channel-state.ts'
import type { ChannelEvent, ChannelState } from './channel-state.ts'
import type { Timer } from './clock.ts'
import type { Flushable } from './flusher.ts'
import { Handlers, UNHANDLED } from './handlers.ts'
import type { anyKey, Handler, HandlersByKey, Key, KeyOf, MessageOfKey } from './handlers.ts'
import type { PeerIdentity } from './handshake.ts'
import { Inbox } from './inbox.ts'
import { UNRELIABLE, laneIndex } from './lane.ts'
import type { Lane, LaneIndex } from './lane.ts'
import { Outbox } from './outbox.ts'
import { printPeer } from './peer-address.ts'
import type { PeerAddress } from './peer-address.ts'
import { printable } from './printable.ts'
import type { Protocol } from './protocol.ts'
import { Pulse } from './pulse.ts'
import type { SharedMessage } from './shared-message.ts'

/** Called when a channel is over, with the error when it was not closed but destroyed. */
export type EndHandler = (error: EpicError | undefined) => void

/**
 * Messages to one peer and from it. Pipes make channels.
 * @example
 * channel.on('hit', (message) => console.log('hit by', message.by))
 * channel.send({ type: 'hit', by: 'bob' }, { lane: 'high' })
 */
export class Channel<M = unknown> {
  readonly id: number
  readonly peer: PeerAddress
  /** Who the other side proved to be; `undefined` without a handshake. */
  readonly identity: PeerIdentity | undefined
  /** Of the messages: the newest that both sides speak. */
  readonly version: number
  readonly protocol: Protocol<M>
  readonly #parts: ChannelParts<M>
  readonly #outbox: Outbox<M>
  readonly #inbox: Inbox<M>
  readonly #handlers: Handlers<M, Channel<M>>
  readonly #sinks = new Set<ChannelSink<M>>()
  readonly #pulse: Pulse | undefined
  readonly #endHandlers = new Set<EndHandler>()
  readonly #flushable: Flushable = { flush: () => this.#flush() }
  #state: ChannelState = 'open'
  #isDirty = false
  #isListenedTo = false
  #isPaused = false
  #isReceiving = false
  /** Their CLOSE came; it counts when all that came before it is processed. */
  #isTold = false
  #closeReason = ''
  #closeTimer: Timer | undefined
  #error: EpicError | undefined
  #unhandled = 0
  #faults = 0

  constructor(parts: ChannelParts<M>) {
    const { carrier, limits, clock } = parts
    this.#parts = parts
    this.id = parts.id
    this.peer = carrier.peer
    this.identity = parts.identity
    this.version = parts.version
    this.protocol = parts.protocol
    this.#handlers = new Handlers(parts.keyOf)
    this.#outbox = new Outbox({
      carrier,
      limits,
      credits: parts.credits,
      owner: {
        markDirty: () => this.#markDirty(),
        handleFault: (error) => this.#handleFault(error),
        describe: () => this.describe(),
      },
    })
    this.#inbox = new Inbox({
      runner: parts.runner,
      policy: parts.policy,
      windows: parts.windows,
      unreliableBytesMax: limits.unreliableBytesMax,
      owner: {
        clock,
        carrier,
        deliver: (message) => this.#deliver(message),
        giveCredit: (lane, cost) => this.#outbox.sendSignal({ kind: 'credit', lane, cost }),
        handleBroken: (problem) => this.#handleBroken(problem),
        handleEmpty: () => this.#advance(),
        describe: () => this.describe(),
      },
    })
    this.#pulse = this.#startPulse()
    carrier.start(this.#carrierEvents())
  }

  get state(): ChannelState {
    return this.#state
  }

  /** Why it was destroyed. */
  get error(): EpicError | undefined {
    return this.#error
  }

  /** What the side that closed it said; empty when nothing. */
  get closeReason(): string {
    return this.#closeReason
  }

  /** How long the last ping took, there and back; `undefined` before the first. */
  get roundTripMs(): number | undefined {
    return this.#pulse?.roundTripMs
  }

  get counts(): ChannelCounts {
    return {
      messagesSent: this.#outbox.messagesSent,
      messagesReceived: this.#inbox.messagesReceived,
      batchesSent: this.#outbox.batchesSent,
      bytesSent: this.#parts.carrier.bytesWritten,
      bytesReceived: this.#parts.carrier.bytesReceived,
      queuedBytes: this.#outbox.cost,
      heldBytes: this.#inbox.heldCost,
      droppedUnreliable: this.#outbox.droppedUnreliable + this.#inbox.droppedUnreliable,
      unhandled: this.#unhandled,
      faults: this.#faults,
    }
  }

  /**
   * Sends a message; it leaves at the end of this tick, with all others of the tick. It may be changed afterwards, except when
   * the other side is in this process and gets the message itself.
   * @throws EpicError `Overloaded` when the lane is full, `CannotCross`, `MessageTooLarge`, or `NodeLost` (`retry: 'safe'`)
   * when the channel is not open. Nothing is sent then.
   */
  send(message: M, options?: SendOptions): void {
    if (this.#state !== 'open') throw this.#notOpen()
    this.#outbox.send(laneIndex(options?.lane), message, options?.key)
  }

  /** Writes what was sent now instead of at the end of the tick, so that the other side can begin with it. */
  flush(): void {
    if (this.#state === 'open') this.#outbox.flush()
  }

  /** Resolves when a lane that was full has room for a while again; for whoever has much to send. */
  async whenRoom(lane?: Exclude<Lane, 'unreliable'>): Promise<void> {
    if (this.#state !== 'open') throw this.#notOpen()
    await this.#outbox.whenRoom(laneIndex(lane))
  }

  /**
   * Sets the handler of the messages with this key (their `type`, unless the pipe says otherwise), or of all that have no other
   * with {@link anyKey}; or adds handlers by a `keyOf` of their own. What a handler returns is ignored, but for a promise: the
   * next message of the same lane waits until it settles.
   * @returns what takes it back.
   */
  on<K extends Key>(key: K, handler: Handler<MessageOfKey<M, K>, Channel<M>>): () => void
  on(key: typeof anyKey, handler: Handler<M, Channel<M>>): () => void
  on(keyOf: KeyOf<M>, handlers: HandlersByKey<M, Channel<M>>): () => void
  on(
    key: Key | typeof anyKey | KeyOf<M>,
    handlers: Handler<never, Channel<M>> | HandlersByKey<M, Channel<M>>,
  ): () => void {
    const undo = this.#handlers.register(key, handlers)
    this.#listen()
    return undo
  }

  /** Sends the messages for which there is no handler here to a sink; a sink calls this. */
  addSink(sink: ChannelSink<M>): void {
    this.#sinks.add(sink)
    this.#listen()
  }

  removeSink(sink: ChannelSink<M>): void {
    this.#sinks.delete(sink)
  }

  /** Stops delivering; the other side runs out of credit. Heartbeats go on. */
  pause(): void {
    this.#isPaused = true
    this.#inbox.hold()
  }

  resume(): void {
    this.#isPaused = false
    if (this.#isListenedTo) this.#inbox.release()
  }

  /**
   * Closes it: what was sent is delivered, the other side processes it and answers, then the connection ends.
   * @returns whether it came to that; `false` when it was destroyed instead.
   */
  close(reason = ''): Promise<boolean> {
    if (this.#state === 'open') {
      this.#closeReason = reason
      this.#handle('asked')
      this.#armCloseTimer()
      this.#markDirty()
    }
    return new Promise((resolve) => {
      this.onEnd(() => resolve(this.#state === 'closed'))
    })
  }

  /** Ends it now; what is under way in either direction is lost. */
  destroy(reason: string | EpicError = 'it was destroyed'): void {
    if (isOver(this.#state)) return
    this.#error =
      typeof reason === 'string'
        ? new EpicError('NodeLost', `${this.describe()}: ${reason}`)
        : reason
    this.#handle('torn')
  }

  /** Calls the handler when the channel is over, at once if it is. */
  onEnd(handler: EndHandler): () => void {
    if (isOver(this.#state)) handler(this.#error)
    else this.#endHandlers.add(handler)
    return () => this.#endHandlers.delete(handler)
  }

  describe(): string {
    const who = this.identity === undefined ? '' : ` to ${printable(this.identity.nodeId)}`
    return `channel ${this.id}${who} ${printPeer(this.peer, this.#parts.label)}, ${this.protocol.name}, ${this.#state}`
  }

  /** For sinks: sends what is encoded once for many. */
  sendShared(shared: SharedMessage<M>, options?: SendOptions): void {
    if (this.#state !== 'open') throw this.#notOpen()
    const lane = laneIndex(options?.lane)
    const { carrier, protocol } = this.#parts
    const bytes = lane === UNRELIABLE ? undefined : shared.bytesFor(carrier, protocol)
    if (bytes === undefined) this.#outbox.send(lane, shared.message, options?.key)
    else this.#outbox.sendEncoded(lane, bytes)
  }

  #carrierEvents(): CarrierEvents<M> {
    const { runner } = this.#parts
    return {
      begin: () => {
        this.#isReceiving = true
        runner.beginReceiving()
        this.#pulse?.handleHeard()
      },
      // The first chunk may have begun before this channel was there.
      done: () => {
        if (!this.#isReceiving) return
        this.#isReceiving = false
        runner.endReceiving()
      },
      batch: (lane, payload, cost) => this.#handleBatch(lane, payload, cost),
      signal: (signal) => this.#handleSignal(signal),
      raw: (kind) => this.#handleBroken(`a ${kind} on an open channel`),
      writable: () => this.#markDirty(),
      broken: (problem) => this.#handleBroken(problem),
      ended: (cause) => this.#handleEnded(cause),
    }
  }

  #handleBatch(lane: LaneIndex, payload: Payload<M>, cost: number): void {
    if (isOver(this.#state)) return
    this.#pulse?.handleHeard()
    const problem = this.#isTold
      ? 'a message after its close'
      : this.#inbox.receive(lane, payload, cost)
    if (problem !== undefined) this.#handleBroken(problem)
  }

  #handleSignal(signal: Signal): void {
    if (isOver(this.#state)) return
    this.#pulse?.handleHeard()
    if (signal.kind === 'ping') this.#outbox.sendSignal({ kind: 'pong', id: signal.id })
    else if (signal.kind === 'pong') this.#pulse?.handlePong(signal.id)
    else if (signal.kind === 'credit') this.#outbox.handleCredit(signal.lane, signal.cost)
    else if (this.#isTold) this.#handleBroken('a second close')
    else {
      this.#isTold = true
      this.#closeReason ||= printable(signal.reason)
      this.#armCloseTimer()
      this.#advance()
    }
  }

  #handleBroken(problem: string): void {
    this.destroy(new EpicError('ProtocolBroken', `${this.describe()}: it sent ${problem}`))
  }

  #handleEnded(cause: Error | undefined): void {
    if (isOver(this.#state)) return
    if (this.#state !== 'ending') {
      this.#error = new EpicError('NodeLost', `${this.describe()}: the connection ended`, { cause })
    }
    this.#handle('ended')
  }

  #deliver(message: M): PromiseLike<unknown> | undefined {
    try {
      let result = this.#handlers.dispatch(message, this)
      if (result === undefined) return undefined
      if (result === UNHANDLED) result = this.#dispatchToSinks(message)
      if (!isThenable(result)) return undefined
      return Promise.resolve(result).catch((error: unknown) => this.#handleFault(error))
    } catch (error) {
      this.#handleFault(error)
      return undefined
    }
  }

  #dispatchToSinks(message: M): unknown {
    for (const sink of this.#sinks) {
      const result = sink.dispatch(message, this)
      if (result !== UNHANDLED) return result
    }
    this.#unhandled += 1
    return undefined
  }

  #handleFault(error: unknown): void {
    this.#faults += 1
    this.#parts.handleFault(error, this)
  }

  #listen(): void {
    this.#isListenedTo = true
    if (!this.#isPaused) this.#inbox.release()
  }

  #markDirty(): void {
    if (this.#isDirty) return
    this.#isDirty = true
    this.#parts.flusher.mark(this.#flushable)
  }

  #flush(): void {
    this.#isDirty = false
    if (isOver(this.#state)) return
    this.#outbox.flush()
    this.#advance()
  }

  /** Goes on with closing, as far as what is processed and written allows. */
  #advance(): void {
    if (this.#isTold && this.#inbox.isEmpty && 'told' in CHANNEL_TRANSITIONS[this.#state]) {
      this.#handle('told')
    }
    const isFlushing = this.#state === 'closing' || this.#state === 'answering'
    if (!isFlushing || !this.#outbox.isEmpty) return
    // First, since within a process the other side reads and answers it at once.
    this.#transition('flushed')
    this.#parts.carrier.writeSignal({ kind: 'close', reason: this.#closeReason })
    if (this.#state === 'ending') this.#parts.carrier.end()
  }

  #handle(event: ChannelEvent): void {
    const before = this.#state
    const after = this.#transition(event)
    if (after === before) return
    if (after === 'ending') this.#parts.carrier.end()
    else if (isOver(after)) this.#finish()
  }

  #transition(event: ChannelEvent): ChannelState {
    const after = CHANNEL_TRANSITIONS[this.#state][event]
    assert(after !== undefined, `a channel that is ${this.#state} cannot be ${event}`)
    this.#state = after
    return after
  }

  #armCloseTimer(): void {
    const { clock, limits } = this.#parts
    this.#closeTimer ??= clock.setTimer(() => {
      const waited = `it did not close within ${limits.closeTimeoutMs} ms`
      this.destroy(new EpicError('Timeout', `${this.describe()}: ${waited}`))
    }, limits.closeTimeoutMs)
  }

  #startPulse(): Pulse | undefined {
    const { heartbeat, clock } = this.#parts
    if (heartbeat === undefined) return undefined
    return new Pulse({
      plan: heartbeat,
      clock,
      sendPing: (id) => this.#outbox.sendSignal({ kind: 'ping', id }),
      handleTimeout: (silentMs) => {
        if (heartbeat.onTimeout !== undefined) heartbeat.onTimeout(this)
        else this.destroy(`nothing was heard of it for ${Math.round(silentMs)} ms`)
      },
    })
  }

  #finish(): void {
    this.#closeTimer?.cancel()
    this.#pulse?.stop()
    this.#inbox.close()
    this.#outbox.close(this.#notOpen())
    this.#parts.carrier.destroy()
    if (this.#state === 'closed') this.#error = undefined
    for (const sink of this.#sinks) sink.handleEnd(this)
    const handlers = [...this.#endHandlers]
    this.#endHandlers.clear()
    for (const handler of handlers) handler(this.#error)
    this.#parts.handleEnd(this, this.#error)
  }

  #notOpen(): EpicError {
    return new EpicError('NodeLost', `Cannot send on ${this.describe()}: it is ${this.#state}`, {
      retry: 'safe',
      cause: this.#error,
    })
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}
