/**
 * The sending half of a channel: what is sent in a tick gathers in batches, one a lane; at its end they are written, most
 * urgent first, as far as the other side's credit and the link allow.
 *
 * Order of writing: signals and control, then unreliable (now or never), then high, normal, low; every sixteenth turn is
 * offered to the lowest that waits, so that a flood on a higher lane slows it and never stops it. Control goes first always.
 *
 * Memory: each lane holds at most its `queueBytesMax` and one message; beyond it `send` throws `Overloaded`. What was given to
 * the link is bounded by CONGESTED_BYTES and what is gathered between two looks.
 */
import { EpicError } from '@epicserver/contracts'
import type { Carrier, Sealed, Signal } from './carrier.ts'
import { Fifo } from './fifo.ts'
import { CONTROL, LANES, LOW, RELIABLE_LANES, UNRELIABLE, laneName } from './lane.ts'
import type { LaneIndex } from './lane.ts'
import { BATCH_BYTES } from './limits.ts'
import type { NetLimits } from './limits.ts'
import { OutLane } from './out-lane.ts'
import { SignalOutbox } from './signal-outbox.ts'
import { UnreliableLane } from './unreliable-lane.ts'

/** What an {@link Outbox} needs of its channel. */
export interface OutboxOwner {
  /** There is something to write at the end of this tick. */
  markDirty(): void
  /** An unreliable message that cannot cross; its sender is gone by then. */
  handleFault(error: unknown): void
  describe(): string
}

/** What an {@link Outbox} is made with. */
export interface OutboxParts<M> {
  readonly carrier: Carrier<M>
  readonly limits: NetLimits
  /** What the other side allows each reliable lane. */
  readonly credits: readonly number[]
  readonly owner: OutboxOwner
}

/** As in the runner, and in the kernel. */
const LOWEST_EVERY = 16

interface RoomWaiter {
  readonly lane: LaneIndex
  readonly resolve: () => void
  readonly reject: (error: EpicError) => void
}

export class Outbox<M> {
  messagesSent = 0
  batchesSent = 0
  readonly #carrier: Carrier<M>
  readonly #limits: NetLimits
  readonly #owner: OutboxOwner
  readonly #lanes: readonly OutLane[]
  readonly #unreliable: UnreliableLane<M>
  readonly #signals = new SignalOutbox()
  readonly #sealedUnreliable = new Fifo<Sealed>()
  #roomWaiters: RoomWaiter[] = []
  #turns = 0

  constructor({ carrier, limits, credits, owner }: OutboxParts<M>) {
    this.#carrier = carrier
    this.#limits = limits
    this.#owner = owner
    this.#lanes = LANES.slice(0, RELIABLE_LANES).map((name, index) => {
      const costMax = limits.queueBytesMax[name as keyof NetLimits['queueBytesMax']]
      return new OutLane(costMax, credits[index] ?? 0)
    })
    this.#unreliable = new UnreliableLane(limits.unreliableMessagesMax)
  }

  get droppedUnreliable(): number {
    return this.#unreliable.dropped
  }

  /** What waits on all lanes. */
  get cost(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.cost, 0)
  }

  /** Whether all reliable messages were given to the link. */
  get isEmpty(): boolean {
    return this.#lanes.every((lane) => lane.openCost === 0 && lane.waiting.size === 0)
  }

  /** @throws EpicError `Overloaded`, `CannotCross`, `MessageTooLarge`; nothing is sent then. */
  send(index: LaneIndex, message: M, key: string | number | undefined): void {
    if (index === UNRELIABLE) {
      this.#unreliable.put(message, key)
    } else {
      const lane = this.#laneWithRoom(index)
      this.#setOpenCost(index, lane, this.#carrier.append(index, message))
    }
    this.messagesSent += 1
    this.#owner.markDirty()
  }

  /** Sends what {@link Carrier.encodeOnce} made of a message. */
  sendEncoded(index: LaneIndex, message: Uint8Array): void {
    const lane = this.#laneWithRoom(index)
    this.#setOpenCost(index, lane, this.#carrier.appendEncoded(index, message))
    this.messagesSent += 1
    this.#owner.markDirty()
  }

  sendSignal(signal: Exclude<Signal, { kind: 'close' }>): void {
    this.#signals.put(signal)
    this.#owner.markDirty()
  }

  /** Resolves when the lane has room for more than a little. */
  whenRoom(lane: LaneIndex): Promise<void> {
    if (this.#hasRoom(lane)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#roomWaiters.push({ lane, resolve, reject })
    })
  }

  handleCredit(lane: LaneIndex, cost: number): void {
    this.#lanes[lane]?.handleCredit(cost)
    this.#owner.markDirty()
  }

  /** The end of a tick: seals what it gathered and writes what may be written. */
  flush(): void {
    for (let index = 0; index < RELIABLE_LANES; index += 1) {
      const lane = this.#lanes[index] as OutLane
      if (lane.openCost > 0) this.#seal(index, lane)
    }
    this.#write()
    if (this.#roomWaiters.length > 0) this.#wakeWaiters()
  }

  /** Forgets what waits. */
  close(reason: EpicError): void {
    for (const lane of this.#lanes) lane.clear()
    this.#unreliable.clear()
    this.#signals.clear()
    const waiters = this.#roomWaiters
    this.#roomWaiters = []
    for (const waiter of waiters) waiter.reject(reason)
  }

  #laneWithRoom(index: LaneIndex): OutLane {
    const lane = this.#lanes[index] as OutLane
    if (lane.sealedCost + lane.openCost < lane.costMax) return lane
    throw new EpicError(
      'Overloaded',
      `Cannot send on ${this.#owner.describe()}: its ${laneName(index)} lane holds ${lane.cost} of ${lane.costMax} bytes`,
      { details: { lane: laneName(index), held: lane.cost, max: lane.costMax } },
    )
  }

  /** A batch that is full waits sealed for the end of the tick, and another begins. */
  #setOpenCost(index: LaneIndex, lane: OutLane, cost: number): void {
    lane.openCost = cost
    if (cost >= BATCH_BYTES) this.#seal(index, lane)
  }

  #seal(index: LaneIndex, lane: OutLane): void {
    lane.sealedCost += this.#carrier.seal(index, lane.waiting)
    lane.openCost = 0
  }

  /** Writes until nothing may be written, or the link is congested; its `writable` brings us back here. */
  #write(): void {
    const carrier = this.#carrier
    // A single write is not worth corking for.
    const isCorked = this.#waitingCount() > 1
    if (isCorked) carrier.cork()
    if (!carrier.isCongested) this.#signals.writeTo(carrier)
    this.#writeLane(this.#lanes[CONTROL] as OutLane)
    this.#writeUnreliable()
    while (!carrier.isCongested) {
      const lane = this.#nextLane()
      if (lane === undefined) break
      this.#writeNext(lane)
    }
    if (isCorked) carrier.uncork()
  }

  #writeLane(lane: OutLane): void {
    while (lane.isWritable && !this.#carrier.isCongested) this.#writeNext(lane)
  }

  #writeNext(lane: OutLane): void {
    const sealed = lane.take()
    if (sealed === undefined) return
    this.batchesSent += 1
    this.#carrier.write(sealed)
  }

  #nextLane(): OutLane | undefined {
    this.#turns += 1
    if (this.#turns % LOWEST_EVERY === 0) return this.#lanes.findLast((lane) => lane.isWritable)
    for (let index = CONTROL; index <= LOW; index += 1) {
      const lane = this.#lanes[index] as OutLane
      if (lane.isWritable) return lane
    }
    return undefined
  }

  #waitingCount(): number {
    let count = this.#signals.size + (this.#unreliable.size > 0 ? 1 : 0)
    for (const lane of this.#lanes) if (lane.isWritable) count += lane.waiting.size
    return count
  }

  #writeUnreliable(): void {
    if (this.#unreliable.size === 0) return
    if (this.#carrier.isCongested) {
      this.#unreliable.handleCongested()
      return
    }
    let cost = 0
    for (const message of this.#unreliable.takeAll()) {
      if (cost < this.#limits.unreliableBytesMax) cost = this.#appendUnreliable(message, cost)
      else this.#unreliable.dropped += 1
    }
    this.#carrier.seal(UNRELIABLE, this.#sealedUnreliable)
    for (let piece = this.#sealedUnreliable.take(); piece; piece = this.#sealedUnreliable.take()) {
      this.batchesSent += 1
      this.#carrier.write(piece)
    }
  }

  /** Returns what the open batch costs now. */
  #appendUnreliable(message: M, cost: number): number {
    try {
      return this.#carrier.append(UNRELIABLE, message)
    } catch (error) {
      this.#owner.handleFault(error)
      return cost
    }
  }

  #hasRoom(index: LaneIndex): boolean {
    const lane = this.#lanes[index]
    return lane === undefined || lane.cost <= lane.costMax / 2
  }

  #wakeWaiters(): void {
    const waiters = this.#roomWaiters
    this.#roomWaiters = waiters.filter((waiter) => !this.#hasRoom(waiter.lane))
    for (const waiter of waiters) if (this.#hasRoom(waiter.lane)) waiter.resolve()
  }
}
