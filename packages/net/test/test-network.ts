import type { Channel } from '#src/channel.ts'
import { anyKey } from '#src/handlers.ts'
import type { Log } from '#src/log.ts'
import { createPipe } from '#src/pipe.ts'
import type { Pipe } from '#src/pipe.ts'
import type { PipeOptions } from '#src/pipe-parts.ts'
import { SimulatedSpace } from '#src/transports/simulated.ts'
import type { SimulatedNetwork } from '#src/transports/simulated.ts'
import type { Parcel } from '#src/transports/simulated-end.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A network with one delay for all, whose ways can be cut and mended. */
export class TestNetwork implements SimulatedNetwork {
  readonly parcels: Parcel[] = []
  latencyMs = 1
  readonly #clock: VirtualClock
  readonly #cut = new Set<string>()
  #held: Parcel[] = []

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  carry(parcel: Parcel): void {
    this.parcels.push(parcel)
    if (this.#cut.has(`${parcel.from} ${parcel.to}`)) this.#held.push(parcel)
    else this.#clock.setTimer(() => parcel.arrive(), this.latencyMs)
  }

  /** Nothing gets from one host to the other; it waits. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from} ${to}`)
  }

  /** Everything gets through again, and what waited arrives. */
  mend(): void {
    this.#cut.clear()
    const held = this.#held
    this.#held = []
    for (const parcel of held) this.carry(parcel)
  }
}

/** Lines that were logged. */
export class TestLog implements Log {
  readonly infos: string[] = []
  readonly warnings: string[] = []

  info(line: string): void {
    this.infos.push(line)
  }

  warn(line: string): void {
    this.warnings.push(line)
  }
}

type TestOptions = Partial<PipeOptions<unknown>>

/** Two hosts, `a` and `b`, on a simulated network in virtual time; `b` listens. */
export class TestWorld {
  readonly clock: VirtualClock = new VirtualClock()
  readonly network: TestNetwork = new TestNetwork(this.clock)
  readonly space: SimulatedSpace = new SimulatedSpace(this.network)
  readonly log: TestLog = new TestLog()
  readonly accepted: Channel[] = []
  readonly a: Pipe
  readonly b: Pipe

  constructor(
    shared: TestOptions = {},
    { a = {}, b = {} }: { a?: TestOptions; b?: TestOptions } = {},
  ) {
    this.a = this.pipe('a', { ...shared, ...a })
    this.b = this.pipe('b', { ...shared, ...b })
    this.b.on('accepted', (channel) => this.accepted.push(channel))
  }

  pipe(host: string, options: TestOptions = {}): Pipe {
    const { clock, log, space } = this
    return createPipe({
      clock,
      log,
      heartbeat: 'off',
      ...options,
      transport: space.transport(host),
    })
  }

  /** An open channel from `a` to `b`: both ends. */
  async open(): Promise<[ours: Channel, theirs: Channel]> {
    if (this.b.state === 'idle') await this.b.listen('b')
    const connecting = this.a.connect('b')
    await this.clock.run(20)
    const theirs = this.accepted.at(-1)
    if (theirs === undefined) throw new Error('b accepted nobody')
    return [await connecting, theirs]
  }
}

/** What arrives on a channel, in order. */
export function received(channel: Channel): unknown[] {
  const messages: unknown[] = []
  channel.on(anyKey, (message) => void messages.push(message))
  return messages
}
