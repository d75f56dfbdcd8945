/**
 * Takes a channel's messages to another channel of the same process: the messages themselves, not copies.
 *
 * Nothing can be congested here; lanes and credits bound what waits, each message counting for OBJECT_COST. What arrives does
 * so within the sender's flush, so its receiver is not told that it may process at once (`begin`, `done`): it does so later.
 */
import assert from 'node:assert'
import type { Carrier, CarrierEvents, Payload, RawKind, Sealed, Signal } from './carrier.ts'
import type { Fifo } from './fifo.ts'
import { LANES } from './lane.ts'
import type { LaneIndex } from './lane.ts'
import { BATCH_OVERHEAD, OBJECT_COST } from './limits.ts'
import type { ObjectFrame, ObjectLink, ObjectLinkEvents } from './object-link.ts'
import type { PeerAddress } from './peer-address.ts'

const NO_BYTES = new Uint8Array(0)

export class ObjectCarrier<M> implements Carrier<M>, ObjectLinkEvents {
  readonly peer: PeerAddress
  readonly binding: Uint8Array = NO_BYTES
  readonly isEncoding = false
  readonly isCongested = false
  readonly bytesWritten = 0
  readonly bytesReceived = 0
  readonly #link: ObjectLink
  readonly #open: M[][] = LANES.map(() => [])
  #events: CarrierEvents<M> | null = null
  #isOver = false

  constructor(link: ObjectLink) {
    this.peer = link.peer
    this.#link = link
  }

  start(events: CarrierEvents<M>): void {
    const isFirst = this.#events === null
    this.#events = events
    if (isFirst) this.#link.start(this)
  }

  /** Within a process nobody is a stranger. */
  limitReceived(): void {}

  append(lane: LaneIndex, message: M): number {
    const batch = this.#open[lane] as M[]
    batch.push(message)
    return batch.length * OBJECT_COST
  }

  encodeOnce(): never {
    return assert.fail('a message that is handed over is not encoded')
  }

  appendEncoded(): never {
    return assert.fail('a message that is handed over is not encoded')
  }

  seal(lane: LaneIndex, waiting: Fifo<Sealed>): number {
    const messages = this.#open[lane] as M[]
    if (messages.length === 0) return 0
    this.#open[lane] = []
    const cost = messages.length * OBJECT_COST + BATCH_OVERHEAD
    waiting.push({ lane, cost, isFirst: true, frame: { kind: 'batch', lane, cost, messages } })
    return cost
  }

  decode(payload: Payload<M>, into: M[]): undefined {
    // This carrier hands on nothing but the messages.
    for (const message of payload as readonly M[]) into.push(message)
  }

  write(sealed: Sealed): void {
    this.#link.post(sealed.frame as ObjectFrame)
  }

  writeSignal(signal: Signal): void {
    this.#link.post({ kind: 'signal', signal })
  }

  writeRaw(raw: RawKind, body: Uint8Array): void {
    this.#link.post({ kind: 'raw', raw, body })
  }

  cork(): void {}

  uncork(): void {}

  end(): void {
    this.#link.end()
  }

  destroy(): void {
    this.#isOver = true
    this.#link.destroy()
  }

  frame(frame: ObjectFrame): void {
    const events = this.#events
    if (this.#isOver || events === null) return
    // Both ends of the link carry the messages of one pipe's type.
    if (frame.kind === 'batch') events.batch(frame.lane, frame.messages as M[], frame.cost)
    else if (frame.kind === 'signal') events.signal(frame.signal)
    else events.raw(frame.raw, frame.body)
  }

  ended(): void {
    this.#isOver = true
    this.#events?.ended(undefined)
  }
}
