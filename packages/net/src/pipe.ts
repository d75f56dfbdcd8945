/**
 * A pipe listens or connects, and makes channels of what comes of it.
 *
 * It holds what its channels share: transport, protocol, handshake, limits, runner. Whoever connects to it first passes the
 * gate (places, and patience with those who fail), then the handshake and the hello, all within one time limit; only then is
 * there a channel. Its states are a table in `pipe-state.ts`.
 *
 * What it does not do: connect again. A channel that ended is reported, and whoever wants another asks for one.
 *
 * The subtle case: of two processes with one node id the older stops. A newcomer whose incarnation is newer has the channels
 * of the older destroyed; one whose incarnation is older is refused, and told why.
 */
import assert from 'node:assert'
import { EpicError, isEpicError } from '@epicserver/contracts'
import { Attempt } from './attempt.ts'
import { protocols as builtInProtocols } from './built-in-protocols.ts'
import { ByteCarrier } from './byte-carrier.ts'
import type { Carrier } from './carrier.ts'
import { Channel } from './channel.ts'
import { deferOn, systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import type { HeartbeatOptions } from './channel-parts.ts'
import type { Established } from './establishment.ts'
import { Events } from './events.ts'
import { Flusher } from './flusher.ts'
import type { PeerIdentity } from './handshake.ts'
import { CHANNEL_VERSIONS, FIRST_VERSION, windowsOf } from './hello.ts'
import type { Hello } from './hello.ts'
import { DEFAULT_LIMITS, HEARTBEAT_INTERVAL_MS, HEARTBEAT_TIMEOUT_MS } from './limits.ts'
import type { NetLimits } from './limits.ts'
import type { Link } from './link.ts'
import { warningLog } from './log.ts'
import type { Log } from './log.ts'
import { ObjectCarrier } from './object-carrier.ts'
import type { PipeCounts, PipeEvents, PipeOptions, Refusal } from './pipe-parts.ts'
import { PIPE_TRANSITIONS, isPipeOpen } from './pipe-state.ts'
import type { PipeEvent, PipeState } from './pipe-state.ts'
import { printable } from './printable.ts'
import type { Protocol } from './protocol.ts'
import { Reception } from './reception.ts'
import { Runner } from './runner.ts'
import type { Listening } from './transport.ts'
import { agreedVersion } from './versions.ts'

/** What may be given to {@link Pipe.connect}. */
export interface ConnectOptions {
  readonly signal?: AbortSignal
}

/**
 * Makes a pipe.
 * @example
 * const pipe = createPipe({ transport: unixTransport(), protocol: 'json' })
 * pipe.on('accepted', (channel) => channel.on('hello', () => channel.send({ type: 'hello' })))
 * await pipe.listen('/run/epic/chat.sock')
 */
export function createPipe<M = unknown>(options: PipeOptions<M>): Pipe<M> {
  return new Pipe(options)
}

/** Listens or connects, and makes channels of it. */
export class Pipe<M = unknown> {
  readonly protocol: Protocol<M>
  readonly runner: Runner
  readonly #options: PipeOptions<M>
  readonly #limits: NetLimits
  readonly #clock: Clock
  readonly #log: Log
  readonly #label: string
  readonly #hello: Hello
  readonly #flusher: Flusher
  readonly #reception: Reception<M>
  readonly #events = new Events<PipeEvents<M>>()
  readonly #channels = new Set<Channel<M>>()
  /** Attempts of our own. */
  readonly #attempts = new Set<Attempt<M>>()
  readonly #emptyWaiters: (() => void)[] = []
  #state: PipeState = 'idle'
  #listening: Listening | undefined
  #nextId = 1
  #accepted = 0
  #connected = 0
  #closed = 0
  #destroyed = 0
  #brokenChannels = 0
  #faults = 0
  #troubles = 0

  constructor(options: PipeOptions<M>) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? warningLog
    this.#label = options.label ?? 'S2S'
    this.protocol = protocolOf(options)
    this.runner = options.runner ?? new Runner({ clock: this.#clock })
    this.#flusher = new Flusher(deferOn(this.#clock))
    this.#hello = {
      channel: CHANNEL_VERSIONS,
      messages: options.versions ?? FIRST_VERSION,
      protocol: this.protocol.name,
      compatibility: options.compatibility ?? '',
      windows: windowsOf(this.#limits),
    }
    this.#reception = new Reception<M>({
      clock: this.#clock,
      limits: this.#limits,
      hasRoom: () => isPipeOpen(this.#state) && this.#channels.size < this.#limits.channelsMax,
      establish: (attempt, link) => this.#establish(attempt, link, { isConnecting: false }),
      handleRefused: (refusal) => this.#handleRefused(refusal),
    })
  }

  get state(): PipeState {
    return this.#state
  }

  /** Where it listens; empty while it does not. */
  get address(): string {
    return this.#listening?.address ?? ''
  }

  /** The open channels. */
  get channels(): ReadonlySet<Channel<M>> {
    return this.#channels
  }

  get counts(): PipeCounts {
    return {
      ...this.#reception.counts,
      accepted: this.#accepted,
      connected: this.#connected,
      closed: this.#closed,
      destroyed: this.#destroyed,
      brokenChannels: this.#brokenChannels,
      faults: this.#faults,
      troubles: this.#troubles,
    }
  }

  /** Adds a handler of an event. @returns what takes it out. */
  on<Name extends keyof PipeEvents<M>>(
    name: Name,
    handler: (...args: PipeEvents<M>[Name]) => void,
  ): () => void {
    return this.#events.on(name, handler)
  }

  /**
   * Accepts channels at this address; returns where others connect to.
   * @throws EpicError `Unavailable` when the address cannot be had; `Unauthorized` when it would let other machines in without
   * proof.
   */
  async listen(address: string): Promise<string> {
    const { transport, handshake } = this.#options
    assert(this.#state === 'idle', `a pipe that is ${this.#state} cannot listen`)
    if (handshake === undefined && !transport.isProtected(address)) {
      throw new EpicError(
        'Unauthorized',
        `Cannot listen at ${address}: other machines reach it, and there is neither a cluster key nor a certificate`,
      )
    }
    this.#handle('listen')
    const listening = await this.#startListening(address)
    this.#handle('listening')
    if (!isPipeOpen(this.#state)) {
      await listening.close()
      throw this.#isOver(`listen at ${address}`)
    }
    this.#listening = listening
    this.#log.info(`${this.describe()}: listening`)
    return listening.address
  }

  /**
   * Opens a channel to this address.
   * @throws EpicError `Unavailable` or `Timeout` when nobody answers, `Unauthorized` or `Incompatible` when they do not want
   * us or we not them, `Overloaded` when the pipe has as many channels as it may, `Cancelled` by the signal.
   */
  async connect(address: string, options: ConnectOptions = {}): Promise<Channel<M>> {
    const what = `connect to ${address}`
    if (!isPipeOpen(this.#state)) throw this.#isOver(what)
    if (this.#channels.size >= this.#limits.channelsMax) {
      throw new EpicError(
        'Overloaded',
        `Cannot ${what}: the pipe holds ${this.#channels.size} of ${this.#limits.channelsMax} channels`,
      )
    }
    const { promise, resolve, reject } = withResolvers<Channel<M>>()
    const attempt = this.#newAttempt(what, reject)
    const cancel = (): void =>
      attempt.fail(new EpicError('Cancelled', `Cannot ${what}: it was cancelled`))
    options.signal?.addEventListener('abort', cancel, { once: true })
    if (options.signal?.aborted === true) cancel()
    else this.#reach(address, attempt, resolve)
    try {
      return await promise
    } finally {
      options.signal?.removeEventListener('abort', cancel)
    }
  }

  /** Stops listening and closes all channels; resolves when the last one is over. */
  async close(): Promise<void> {
    this.#handle('close')
    if (this.#state !== 'closing') return
    this.#giveUpAttempts()
    for (const channel of this.#channels) void channel.close('its pipe closes')
    await this.#stopListening()
    await this.#whenEmpty()
    this.#handle('emptied')
  }

  /** Ends everything now. */
  destroy(reason = 'its pipe was destroyed'): void {
    this.#handle('destroy')
    this.#giveUpAttempts()
    for (const channel of this.#channels) channel.destroy(reason)
    void this.#stopListening()
  }

  describe(): string {
    const where = this.address === '' ? '' : ` at ${this.address}`
    return `pipe ${this.#options.transport.describe()}${where}, ${this.protocol.name}, ${this.#state}, ${this.#channels.size} channels`
  }

  async #startListening(address: string): Promise<Listening> {
    try {
      return await this.#options.transport.listen(address, {
        admit: (peer) => this.#reception.admit(peer),
        accepted: (link, admission) => this.#reception.accept(link, admission),
        handleTrouble: (error) => this.#handleTrouble(error),
      })
    } catch (error) {
      this.#handle('failed')
      throw error
    }
  }

  async #stopListening(): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    await listening?.close()
  }

  /** Counts all; logs the first, the second, the fourth, and so on: trouble of this kind comes in floods. */
  #handleTrouble(error: Error): void {
    this.#troubles += 1
    if (!Number.isInteger(Math.log2(this.#troubles))) return
    const many = this.#troubles === 1 ? '' : ` (${this.#troubles} times by now)`
    this.#log.warn(`${this.describe()}: cannot accept: ${printable(error.message)}${many}`)
  }

  #newAttempt(what: string, handleFailed: (error: EpicError) => void): Attempt<M> {
    const attempt = new Attempt<M>({
      clock: this.#clock,
      timeoutMs: this.#limits.handshakeTimeoutMs,
      what,
      handleFailed,
      handleOver: () => this.#attempts.delete(attempt),
    })
    this.#attempts.add(attempt)
    return attempt
  }

  #reach(address: string, attempt: Attempt<M>, handleOpen: (channel: Channel<M>) => void): void {
    this.#options.transport.connect(address, attempt.signal).then(
      (link) => this.#establish(attempt, link, { isConnecting: true, handleOpen }),
      (cause: unknown) => {
        const error = isEpicError(cause)
          ? cause
          : new EpicError('Unavailable', `Cannot connect to ${address}: ${String(cause)}`, {
              cause,
            })
        attempt.fail(error)
      },
    )
  }

  #establish(
    attempt: Attempt<M>,
    link: Link,
    {
      isConnecting,
      handleOpen,
    }: { isConnecting: boolean; handleOpen?: (channel: Channel<M>) => void },
  ): void {
    const carrier = this.#carry(link)
    attempt.establish({
      carrier,
      isConnecting,
      handshake: this.#options.handshake,
      hello: this.#hello,
      receivedBytesMax: this.#limits.handshakeBytesMax,
      objection: (identity) => this.#objectionTo(identity),
      handleEstablished: (established) => {
        const channel = this.#open(carrier, established)
        if (isConnecting) this.#connected += 1
        else this.#accepted += 1
        handleOpen?.(channel)
        this.#events.emit(isConnecting ? 'connected' : 'accepted', channel)
      },
    })
  }

  #carry(link: Link): Carrier<M> {
    if (link.kind === 'objects') return new ObjectCarrier<M>(link)
    return new ByteCarrier<M>(link, this.protocol, this.#limits.messageBytesMax)
  }

  #open(carrier: Carrier<M>, { identity, theirHello }: Established): Channel<M> {
    if (identity !== undefined) this.#stopOlder(identity)
    const channel = new Channel<M>({
      id: this.#nextId,
      label: this.#label,
      carrier,
      protocol: this.protocol,
      limits: this.#limits,
      credits: theirHello.windows,
      windows: this.#hello.windows,
      identity,
      version: agreedVersion(this.#hello.messages, theirHello.messages) ?? 0,
      clock: this.#clock,
      flusher: this.#flusher,
      runner: this.runner,
      policy: this.#options.policy ?? 'standalone',
      heartbeat: this.#heartbeatOf(carrier),
      keyOf: this.#options.keyOf,
      handleFault: (error, from) => this.#handleFault(error, from),
      handleEnd: (ended, error) => this.#handleChannelEnd(ended, error),
    })
    this.#nextId += 1
    this.#channels.add(channel)
    this.#log.info(`${channel.describe()}: opened`)
    return channel
  }

  #heartbeatOf(carrier: Carrier<M>): HeartbeatOptions<M> | undefined {
    const { heartbeat } = this.#options
    if (heartbeat === 'off') return undefined
    if (heartbeat !== undefined) return heartbeat
    if (!carrier.isEncoding) return undefined
    return { intervalMs: HEARTBEAT_INTERVAL_MS, timeoutMs: HEARTBEAT_TIMEOUT_MS }
  }

  #objectionTo({ nodeId, incarnation }: PeerIdentity): string | undefined {
    const isNewerHere = this.#incarnationsOf(nodeId).some(
      (channel) => (channel.identity?.incarnation ?? 0) > incarnation,
    )
    return isNewerHere ? `a newer incarnation of ${printable(nodeId)} is connected` : undefined
  }

  #stopOlder({ nodeId, incarnation }: PeerIdentity): void {
    for (const channel of this.#incarnationsOf(nodeId)) {
      if ((channel.identity?.incarnation ?? 0) >= incarnation) continue
      const why = 'a newer incarnation of it connected'
      channel.destroy(new EpicError('Fenced', `${channel.describe()}: ${why}`))
    }
  }

  #incarnationsOf(nodeId: string): Channel<M>[] {
    return [...this.#channels].filter((channel) => channel.identity?.nodeId === nodeId)
  }

  #handleRefused(refusal: Refusal): void {
    this.#log.warn(`${this.describe()}: ${refusal.error.message}`)
    this.#events.emit('refused', refusal)
  }

  #handleFault(error: unknown, channel: Channel<M>): void {
    this.#faults += 1
    if (this.#events.emit('fault', error, channel) > 0) return
    this.#log.warn(`${channel.describe()}: a handler failed: ${printable(String(error))}`)
  }

  #handleChannelEnd(channel: Channel<M>, error: EpicError | undefined): void {
    this.#channels.delete(channel)
    if (error === undefined) {
      this.#closed += 1
      this.#log.info(`${channel.describe()}: closed`)
      this.#events.emit('close', channel)
    } else {
      this.#destroyed += 1
      if (error.code === 'ProtocolBroken') this.#brokenChannels += 1
      this.#log.info(error.message)
      this.#events.emit('destroy', channel, error)
    }
    if (this.#channels.size > 0) return
    for (const resolve of this.#emptyWaiters.splice(0)) resolve()
  }

  #whenEmpty(): Promise<void> {
    if (this.#channels.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#emptyWaiters.push(resolve)
    })
  }

  #giveUpAttempts(): void {
    for (const attempt of [...this.#attempts]) attempt.fail(this.#isOver('open a channel'))
    this.#reception.close(this.#isOver('open a channel'))
  }

  #handle(event: PipeEvent): void {
    const after = PIPE_TRANSITIONS[this.#state][event]
    assert(after !== undefined, `a pipe that is ${this.#state} cannot ${event}`)
    this.#state = after
  }

  #isOver(what: string): EpicError {
    return new EpicError('Cancelled', `Cannot ${what}: the pipe is ${this.#state}`)
  }
}

function protocolOf<M>({
  protocol = 'msgpack',
  protocols = builtInProtocols,
}: PipeOptions<M>): Protocol<M> {
  if (typeof protocol !== 'string') return protocol
  const found = protocols.get(protocol)
  if (found === undefined) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot make a pipe: no protocol is registered as "${protocol}" (known: ${protocols.names().join(', ')})`,
    )
  }
  // Who names a protocol says which messages it carries.
  return found as unknown as Protocol<M>
}

function withResolvers<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: Error) => void
} {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
