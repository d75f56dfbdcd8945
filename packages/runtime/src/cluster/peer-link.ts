/**
 * One node's calls to one other node: batches them, remembers those that wait, and settles them.
 *
 * Calls and results of one tick leave as one batch for each lane. A call that waits has a slot; its id says which, and which use of
 * it, so that a late result cannot settle another call. When the channel ends, what was still in a batch certainly did not run
 * and may go elsewhere; what had left may have run.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { Reader, Writer } from '@epicserver/wire'
import { EntityCall } from '../node/entity-call.ts'
import { Introductions, NO_NUMBER } from './introductions.ts'
import {
  FAILURE,
  readError,
  type REFUSAL,
  RESULT,
  writeCall,
  type Addressee,
  type CallMessage,
} from './peer-messages.ts'
import { PEER_LANES, type PeerChannel, type PeerLane } from './peer-network.ts'
import { descriptionOf, idBehind } from '../model/ref.ts'

const SLOTS_MAX = 1 << 20
/** So many uses of a slot are told apart: an id stays below 2³¹, where numbers are quickest, and small where few calls wait. */
const USES = 1 << 11
/** The place of what nobody waits for. */
const NO_SLOT = -1

/** What a batch writer needs of its node. */
export interface BatchHost {
  newWriter(): Writer
  afterTurns(run: () => void): void
  /** The view that the node has; stands at the head of each batch. */
  viewNo(): number
  /** Whether the node may still speak for its entities. */
  maySend(): boolean
}

/**
 * So many messages are gathered at most before they leave, also when the tick has not ended: more would keep the other side waiting
 * for nothing.
 */
const GATHERED_MAX = 512
/** Fewer are not worth a write of their own, which costs as much as some twenty calls. */
const GATHERED_MIN = 64

/** Gathers messages for a channel and sends them as one batch for each lane and tick, or as several where there are many. */
export class BatchWriter {
  /** Made when they are first used: most channels use one or two lanes. */
  readonly #writers: Partial<Record<PeerLane, Writer>> = {}
  #introductions: Introductions | null = null
  readonly #channel: PeerChannel
  readonly #host: BatchHost
  #isScheduled = false
  #isClosed = false
  #gathered = 0

  constructor(channel: PeerChannel, host: BatchHost) {
    this.#channel = channel
    this.#host = host
  }

  get backlogBytes(): number {
    return this.#channel.backlogBytes
  }

  /** The writer of a lane; what is written leaves at the end of the tick, or when so many messages are gathered. */
  lane(lane: PeerLane, gatheredMax: number = GATHERED_MAX): Writer {
    if (!this.#isScheduled) {
      this.#isScheduled = true
      this.#host.afterTurns(this.#flushAtEnd)
    }
    this.#gathered += 1
    if (this.#gathered > gatheredMax) this.flush()
    const writer = (this.#writers[lane] ??= this.#host.newWriter())
    if (writer.length === 0) writer.varuint(this.#host.viewNo())
    return writer
  }

  /** The numbers by which entities are called through the channel. */
  get introductions(): Introductions {
    return (this.#introductions ??= new Introductions())
  }

  readonly #flushAtEnd = (): void => {
    this.#isScheduled = false
    this.flush()
  }

  flush(): void {
    this.#gathered = 0
    this.#introductions?.handleBatchEnd()
    const maySend = !this.#isClosed && this.#host.maySend()
    for (const lane of PEER_LANES) {
      const writer = this.#writers[lane]
      if (writer === undefined || writer.length === 0) continue
      if (maySend || lane === 'control') this.#channel.send(lane, writer.take())
      else this.#introductions?.handleDropped(lane)
      writer.reset()
    }
    this.#channel.flush?.()
  }

  close(): void {
    this.#isClosed = true
  }
}

/** What waits for the outcome of a message. */
export interface Waiting {
  succeed(value: unknown): void
  /** What was asked threw. */
  reject(error: unknown): void
  /** There is no outcome. */
  fail(error: unknown): void
}

/** The type under which nodes ask each other things that concern no entity. */
export const NODE_TYPE = '@node'

const THE_NODE: Addressee = { number: NO_NUMBER, type: NODE_TYPE, id: '' }

/** The operation under which tasks fire at another node; what they call stands in the task. */
export const TASK_OPERATION = '@task'

/** Calls that wait for results of one peer. */
export class PeerLink {
  readonly nodeId: string
  readonly batch: BatchWriter
  readonly #onMoved: (call: EntityCall | null, answer: EpicError) => void
  readonly #slots: (Waiting | undefined)[] = []
  readonly #uses: number[] = []
  readonly #free: number[] = []

  /** `onMoved` gets calls whose entity is not there; no call, where a message comes back with the answer. */
  constructor(
    nodeId: string,
    batch: BatchWriter,
    onMoved: (call: EntityCall | null, answer: EpicError) => void,
  ) {
    this.nodeId = nodeId
    this.batch = batch
    this.#onMoved = onMoved
  }

  /** How many calls wait. */
  get size(): number {
    return this.#slots.length - this.#free.length
  }

  /** Sends a call; it is settled by a result, or by the end of the link. */
  send(call: EntityCall, now: number, placeEpoch = 0n): void {
    const { operation, ref, task } = call
    const isOneWay = operation.oneWay && task === null
    const slot = isOneWay ? NO_SLOT : this.#take(call)
    if (slot === NO_SLOT && !isOneWay) return
    const lane = operation.priority
    const writer = this.batch.lane(lane, this.#half())
    const to = {
      number: this.batch.introductions.numberOf(ref, lane, writer),
      type: descriptionOf(ref).name,
      id: idBehind(ref),
    }
    this.#write(writer, to, slot, call, {
      callId: this.#callId(slot),
      operation: task === null ? operation.name : TASK_OPERATION,
      isOneWay,
      depth: call.depth,
      timeLeftMs: call.deadlineAt > 0 ? call.deadlineAt - now : operation.timeoutMs,
      above: call.above,
      number: call.number,
      trace: call.trace,
      placeEpoch,
      args: task === null ? call.args : [task],
    })
  }

  /** Asks the node itself something that concerns no entity; `timeLeftMs` is all that it may take. */
  ask(what: string, args: readonly unknown[], timeLeftMs: number): Promise<unknown> {
    return new Promise((succeed, fail) => {
      const waiting = { succeed, reject: fail, fail }
      const slot = this.#take(waiting)
      if (slot === NO_SLOT) return
      this.#write(this.batch.lane('high'), THE_NODE, slot, waiting, {
        callId: this.#callId(slot),
        operation: what,
        isOneWay: false,
        depth: 0,
        timeLeftMs,
        above: [],
        number: null,
        trace: null,
        placeEpoch: 0n,
        args,
      })
    })
  }

  /** Tells the node itself something that concerns no entity; no answer comes. */
  tell(what: string, args: readonly unknown[], onRefused: (error: unknown) => void): void {
    const waiting = { succeed: () => undefined, reject: onRefused, fail: onRefused }
    this.#write(this.batch.lane('normal'), THE_NODE, NO_SLOT, waiting, {
      callId: this.#callId(NO_SLOT),
      operation: what,
      isOneWay: true,
      depth: 0,
      timeLeftMs: 0,
      above: [],
      number: null,
      trace: null,
      placeEpoch: 0n,
      args,
    })
  }

  /** Reads a result or an error, after its kind. */
  handleOutcome(kind: typeof RESULT | typeof FAILURE | typeof REFUSAL, reader: Reader): void {
    const callId = reader.varuint()
    const slot = Math.floor(callId / USES)
    const isCurrent = this.#uses[slot] === callId % USES
    const call = isCurrent ? this.#slots[slot] : undefined
    const outcome = kind === RESULT ? reader.value() : readError(reader)
    if (reader.failed) return
    if (call === undefined) {
      if (kind !== RESULT && isMoved(outcome)) this.#onMoved(null, outcome)
      return
    }
    this.#release(slot)
    if (kind === RESULT) call.succeed(outcome)
    else if (kind === FAILURE) call.reject(outcome)
    else if (call instanceof EntityCall && isMoved(outcome)) this.#onMoved(call, outcome)
    else call.fail(outcome)
  }

  /** The channel has ended: returns what waited. */
  takeAll(): Waiting[] {
    const calls = this.#slots.filter((call) => call !== undefined)
    this.#slots.length = 0
    this.#uses.length = 0
    this.#free.length = 0
    this.batch.close()
    return calls
  }

  /** Half of what waits leaves at once: the other side works on it while this one goes on with the rest. */
  #half(): number {
    const half = this.size >> 1
    return half < GATHERED_MIN ? GATHERED_MIN : half > GATHERED_MAX ? GATHERED_MAX : half
  }

  #write(
    writer: Writer,
    to: Addressee,
    slot: number,
    waiting: Waiting,
    message: CallMessage,
  ): void {
    try {
      writeCall(writer, to, message)
    } catch (error) {
      if (slot !== NO_SLOT) this.#release(slot)
      waiting.reject(error)
    }
  }

  #callId(slot: number): number {
    return slot === NO_SLOT ? 0 : slot * USES + this.#uses[slot]!
  }

  #take(waiting: Waiting): number {
    const slot = this.#free.pop() ?? this.#slots.length
    if (slot >= SLOTS_MAX) {
      waiting.fail(
        new EpicError(
          'Overloaded',
          `Cannot call node ${this.nodeId}: ${slot} calls to it wait already`,
        ),
      )
      return NO_SLOT
    }
    this.#slots[slot] = waiting
    // Never 0, so that the id 0, under which nobody waits, is no slot's.
    this.#uses[slot] = ((this.#uses[slot] ?? 0) % (USES - 1)) + 1
    return slot
  }

  #release(slot: number): void {
    this.#slots[slot] = undefined
    this.#free.push(slot)
  }
}

function isMoved(outcome: unknown): outcome is EpicError {
  return isEpicError(outcome) && outcome.code === 'Moved'
}
