/**
 * One node's calls to one other node: batches them, remembers those that wait, and settles them.
 *
 * Calls and results of one tick leave as one batch for each lane. A call that waits has a slot; its id says which, and which use of
 * it, so that a late result cannot settle another call. When the channel ends, what was still in a batch certainly did not run
 * and may go elsewhere; what had left may have run.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { Priority } from '@epicserver/kernel'
import type { Reader, Writer } from '@epicserver/wire'
import { EntityCall } from '../node/entity-call.ts'
import type { BatchWriter } from './batch-writer.ts'
import { NO_NUMBER } from './introductions.ts'
import {
  FAILURE,
  readError,
  type REFUSAL,
  RESULT,
  writeCall,
  type Addressee,
  type CallMessage,
} from './peer-messages.ts'
import { isSweep } from '../node/internal-operations.ts'
import { ReturnedMessage } from './returned-message.ts'
import { descriptionOf, idBehind } from '../model/ref.ts'
import { SAMPLE_EVERY } from '../placement/sample-rate.ts'

const SLOTS_MAX = 1 << 20
/** So many uses of a slot are told apart: an id stays below 2³¹, where numbers are quickest, and small where few calls wait. */
const USES = 1 << 11
/** The place of what nobody waits for, and its id. */
const NO_SLOT = -1
const NO_ID = 0

/** What a link tells the node that calls through it. */
export interface PeerLinkEvents {
  /** The entity of a call is not there; no call, where a message comes back with the answer. */
  readonly onMoved: (call: EntityCall | null, answer: EpicError) => void
  /** One of `SAMPLE_EVERY` calls is about to leave. */
  readonly onSampled: (call: EntityCall) => void
  /** To which round of confirmations what is sent now belongs. */
  readonly sentRound: () => number
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
  /** The round of confirmations of the last call of an entity that was sent. */
  sentRound = 0
  readonly #events: PeerLinkEvents
  #callsToSample = SAMPLE_EVERY
  readonly #slots: (Waiting | undefined)[] = []
  readonly #uses: number[] = []
  readonly #free: number[] = []

  constructor(nodeId: string, batch: BatchWriter, events: PeerLinkEvents) {
    this.nodeId = nodeId
    this.batch = batch
    this.#events = events
  }

  /** Bytes on the lane of `tell` that wait because the other side is behind. */
  get backlogBytes(): number {
    return this.batch.backlogBytes('normal')
  }

  /** How many calls wait. */
  get size(): number {
    return this.#slots.length - this.#free.length
  }

  /** Sends a call; it is settled by a result, or by the end of the link. */
  send(call: EntityCall, now: number, placeEpoch = 0n): void {
    const { operation, task } = call
    this.#callsToSample -= 1
    if (this.#callsToSample === 0) {
      this.#callsToSample = SAMPLE_EVERY
      this.#events.onSampled(call)
    }
    const isOneWay = operation.oneWay && task === null
    if (isOneWay && operation.unreliable) {
      call.handleUnderWay()
      this.#sendUnreliable(call, messageFrom(call, NO_ID, now, placeEpoch))
      return
    }
    const overload = this.batch.overload(operation.priority)
    // Sweeps are few, and what waits for them is in order only if they come by.
    if (overload !== undefined && !isSweep(operation)) {
      call.fail(this.#overloaded(call.toString(), overload))
      return
    }
    const slot = isOneWay ? NO_SLOT : this.#take(call)
    if (slot === NO_SLOT && !isOneWay) return
    this.#noteSent(call)
    this.#write(call, slot, messageFrom(call, this.#callId(slot), now, placeEpoch))
  }

  /** Asks the node itself something that concerns no entity; `timeLeftMs` is all that it may take. */
  ask(
    what: string,
    args: readonly unknown[],
    { timeLeftMs, lane = 'high' }: { readonly timeLeftMs: number; readonly lane?: Priority },
  ): Promise<unknown> {
    return new Promise((succeed, fail) => {
      const waiting = { succeed, reject: fail, fail }
      const slot = this.#take(waiting)
      if (slot === NO_SLOT) return
      const callId = this.#callId(slot)
      const message = messageToNode(what, args, { callId, timeLeftMs, isOneWay: false })
      this.#writeTo(this.batch.lane(lane), THE_NODE, slot, waiting, message)
    })
  }

  /** Tells the node itself something that concerns no entity; no answer comes. */
  tell(what: string, args: readonly unknown[], onRefused: (error: unknown) => void): void {
    const overload = this.batch.overload('normal')
    if (overload !== undefined) {
      onRefused(this.#overloaded('more', overload))
      return
    }
    const waiting = { succeed: () => undefined, reject: onRefused, fail: onRefused }
    const message = messageToNode(what, args, { callId: NO_ID, timeLeftMs: 0, isOneWay: true })
    this.#writeTo(this.batch.lane('normal'), THE_NODE, NO_SLOT, waiting, message)
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
      if (kind !== RESULT && isMoved(outcome)) this.#events.onMoved(null, outcome)
      return
    }
    this.#release(slot)
    if (kind === RESULT) call.succeed(outcome)
    else if (kind === FAILURE) call.reject(outcome)
    else if (call instanceof EntityCall && isMoved(outcome)) this.#events.onMoved(call, outcome)
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

  /** Its sender must not leave before it is known to have arrived. */
  #noteSent(call: EntityCall): void {
    const sender = call.parent?.activation ?? null
    if (sender === null && !(call instanceof ReturnedMessage)) return
    this.sentRound = this.#events.sentRound()
    if (sender === null) call.handleUnderWay()
    else sender.sentRound = this.sentRound
  }

  #write(call: EntityCall, slot: number, message: CallMessage): void {
    const { ref, operation } = call
    const writer = this.batch.lane(operation.priority, this.size >> 1)
    const number = this.batch.introductions.numberOf(ref, operation.priority, writer)
    const to = { number, type: descriptionOf(ref).name, id: idBehind(ref) }
    this.#writeTo(writer, to, slot, call, message)
  }

  #sendUnreliable(call: EntityCall, message: CallMessage): void {
    const { ref, operation } = call
    const to = { number: NO_NUMBER, type: descriptionOf(ref).name, id: idBehind(ref) }
    const key = operation.coalesce
      ? `${call.caller} ${to.type}/${to.id} ${operation.name}`
      : undefined
    try {
      this.batch.sendUnreliable((writer) => writeCall(writer, to, message), key)
    } catch (error) {
      call.reject(error)
    }
  }

  #writeTo(
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

  #overloaded(what: string, found: string): EpicError {
    return new EpicError('Overloaded', `Cannot reach node ${this.nodeId} for ${what}: ${found}`)
  }

  #callId(slot: number): number {
    return slot === NO_SLOT ? NO_ID : slot * USES + this.#uses[slot]!
  }

  #take(waiting: Waiting): number {
    const slot = this.#free.pop() ?? this.#slots.length
    if (slot >= SLOTS_MAX) {
      waiting.fail(this.#overloaded('more', `${slot} calls to it wait already`))
      return NO_SLOT
    }
    this.#slots[slot] = waiting
    // Never 0, so that NO_ID is no slot's.
    this.#uses[slot] = ((this.#uses[slot] ?? 0) % (USES - 1)) + 1
    return slot
  }

  #release(slot: number): void {
    this.#slots[slot] = undefined
    this.#free.push(slot)
  }
}

function messageFrom(
  call: EntityCall,
  callId: number,
  now: number,
  placeEpoch: bigint,
): CallMessage {
  const { operation, task } = call
  return {
    callId,
    operation: task === null ? operation.name : TASK_OPERATION,
    isOneWay: operation.oneWay && task === null,
    depth: call.depth,
    timeLeftMs: call.deadlineAt < Infinity ? call.deadlineAt - now : operation.timeoutMs,
    above: call.above,
    number: call.number,
    trace: call.trace,
    placeEpoch,
    caller: operation.coalesce ? call.caller : null,
    args: task === null ? call.args : [task],
  }
}

function messageToNode(
  operation: string,
  args: readonly unknown[],
  { callId, timeLeftMs, isOneWay }: Pick<CallMessage, 'callId' | 'timeLeftMs' | 'isOneWay'>,
): CallMessage {
  return {
    callId,
    operation,
    isOneWay,
    depth: 0,
    timeLeftMs,
    above: [],
    number: null,
    trace: null,
    placeEpoch: 0n,
    caller: null,
    args,
  }
}

function isMoved(outcome: unknown): outcome is EpicError {
  return isEpicError(outcome) && outcome.code === 'Moved'
}
