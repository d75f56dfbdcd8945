/**
 * The messages between nodes, byte by byte. A batch is a sequence of messages; what a message says stands in its first byte.
 *
 * | kind | message | fields |
 * |------|---------|--------|
 * | 1 | call      | id, type, entity id, operation, flags, depth, time left (ms), turns above, [number], [trace], [place], [caller], arguments |
 * | 2 | result    | id, value |
 * | 3 | error     | id, error: what the operation threw |
 * | 4 | fabric    | a message between members |
 * | 5 | refusal   | id, error: why the runtime could not bring the call to its end; it may be sent again |
 * | 6 | introduction | number, type, entity id: see introductions.ts |
 * | 7 | call by number | id, number of the entity, and the rest of a call from its operation on |
 *
 * Messages are written when they are sent, not when the batch leaves: what the caller changes afterwards cannot slip in, and what
 * cannot be encoded is refused to the caller's face. Reading never throws: a batch that breaks off ends its channel.
 */
import { EpicError, isErrorCode, makeEpoch, type ErrorCode } from '@epicserver/contracts'
import type { CallNumber } from '@epicserver/kernel'
import { packReports, type PeerMessage } from '@epicserver/fabric'
import { errorFromProblem, type EncodeProblem, type Reader, type Writer } from '@epicserver/wire'
import { NO_NUMBER } from './introductions.ts'

export const CALL = 1
export const RESULT = 2
export const FAILURE = 3
export const FABRIC = 4
export const REFUSAL = 5
export const CALL_BY_NUMBER = 7

const ONE_WAY = 1
const NUMBERED = 2
const TRACED = 4
const LOCATED = 8
const COALESCED = 16

/** A call as it stands in a batch, apart from the entity. */
export interface CallMessage {
  readonly callId: number
  readonly operation: string
  readonly isOneWay: boolean
  readonly depth: number
  readonly timeLeftMs: number
  readonly above: readonly string[]
  readonly number: CallNumber | null
  /** What whoever watches the caller named it. */
  readonly trace: string | null
  /** By which word of the entity's place it was sent: the epoch of that; 0 for its owner. */
  readonly placeEpoch: bigint
  /** The entity that makes the call, where of its messages only the latest counts. */
  readonly caller: string | null
  readonly args: readonly unknown[]
}

/** The entity of a call that is sent: by its number on the link, or by its name. */
export interface Addressee {
  readonly number: number
  readonly type: string
  readonly id: string
}

/**
 * Writes a call; nothing stays written when it cannot be encoded.
 * @throws EpicError `CannotCross`, naming the path, or `MessageTooLarge`.
 */
export function writeCall(writer: Writer, to: Addressee, call: CallMessage): void {
  const start = writer.length
  if (to.number === NO_NUMBER) {
    writer.u8(CALL)
    writer.varuint(call.callId)
    writer.string(to.type)
    writer.string(to.id)
  } else {
    writer.u8(CALL_BY_NUMBER)
    writer.varuint(call.callId)
    writer.varuint(to.number)
  }
  writer.string(call.operation)
  writer.u8(
    (call.isOneWay ? ONE_WAY : 0) |
      (call.number === null ? 0 : NUMBERED) |
      (call.trace === null ? 0 : TRACED) |
      (call.placeEpoch === 0n ? 0 : LOCATED) |
      (call.caller === null ? 0 : COALESCED),
  )
  writer.varuint(call.depth)
  writer.varuint(Math.max(0, Math.min(0x7fff_ffff, Math.ceil(call.timeLeftMs))))
  writer.varuint(call.above.length)
  for (const turn of call.above) writer.string(turn)
  if (call.number !== null) writeNumber(writer, call.number)
  if (call.trace !== null) writer.string(call.trace)
  if (call.placeEpoch !== 0n) writeEpoch(writer, call.placeEpoch)
  if (call.caller !== null) writer.string(call.caller)
  const problem = writeOrTakeBack(writer, start, call.args)
  if (problem !== undefined)
    throw errorFromProblem(problem, 'message', `Cannot call ${to.type}.${call.operation}`)
}

/**
 * Writes the value that ends a message; takes the whole message back when it cannot be written, and returns why. What a getter
 * of the value throws passes through.
 */
function writeOrTakeBack(writer: Writer, start: number, value: unknown): EncodeProblem | undefined {
  let problem: EncodeProblem | undefined
  let isWhole = false
  try {
    problem = writer.value(value)
    isWhole = problem === undefined
  } finally {
    if (!isWhole) writer.length = start
  }
  return problem
}

function writeNumber(writer: Writer, { caller, seq, settledBelow }: CallNumber): void {
  writer.string(caller)
  writer.varuint(seq)
  writer.varuint(settledBelow)
}

/** An epoch is a view's number and a counter, each of 32 bits. */
function writeEpoch(writer: Writer, epoch: bigint): void {
  writer.varuint(Number(epoch >> 32n))
  writer.varuint(Number(epoch & 0xffff_ffffn))
}

function readEpoch(reader: Reader): bigint {
  const view = reader.varuint()
  return makeEpoch(view, reader.varuint())
}

/** Writes a result, or says why it cannot cross; `what` is asked for its name then. */
export function writeResult(
  writer: Writer,
  callId: number,
  value: unknown,
  what: { toString(): string },
): void {
  const start = writer.length
  writer.u8(RESULT)
  writer.varuint(callId)
  try {
    const problem = writeOrTakeBack(writer, start, value)
    if (problem !== undefined)
      throw errorFromProblem(problem, 'message', `Cannot answer ${what.toString()}`)
  } catch (error) {
    writeFailure(writer, callId, error)
  }
}

/** Writes what an operation threw, or why there is no outcome. What of it cannot cross is left out. */
export function writeFailure(
  writer: Writer,
  callId: number,
  error: unknown,
  kind: typeof FAILURE | typeof REFUSAL = FAILURE,
): void {
  writer.u8(kind)
  writer.varuint(callId)
  const fields = errorFields(error)
  if (isWritten(writer, fields)) return
  const bare = {
    name: fields.name.slice(0, NAME_UNITS_MAX),
    message: fields.message.slice(0, MESSAGE_UNITS_MAX),
  }
  writer.value(bare)
}

function isWritten(writer: Writer, value: unknown): boolean {
  try {
    return writer.value(value) === undefined
  } catch {
    // What a getter of the error's data throws; the writer has taken back what it wrote.
    return false
  }
}

/** @throws EpicError `MessageTooLarge` */
export function writeFabric(writer: Writer, message: PeerMessage): void {
  const start = writer.length
  writer.u8(FABRIC)
  const problem = writeOrTakeBack(writer, start, packReports(message))
  if (problem !== undefined)
    throw errorFromProblem(problem, 'message', `Cannot tell a member ${message.kind}`)
}

const NO_TURNS: readonly string[] = []

/** Reads the fields of a call from its operation on; check `reader.failed` before use. */
export function readCall(reader: Reader, callId: number): CallMessage {
  const operation = reader.name()
  const flags = reader.u8()
  const depth = reader.varuint()
  const timeLeftMs = reader.varuint()
  const above = readTurns(reader)
  const number = (flags & NUMBERED) === 0 ? null : readNumber(reader)
  const trace = (flags & TRACED) === 0 ? null : reader.string()
  const placeEpoch = (flags & LOCATED) === 0 ? 0n : readEpoch(reader)
  const caller = (flags & COALESCED) === 0 ? null : reader.string()
  const args = reader.value()
  return {
    callId,
    operation,
    isOneWay: (flags & ONE_WAY) !== 0,
    depth,
    timeLeftMs,
    above,
    number,
    trace,
    placeEpoch,
    caller,
    args: Array.isArray(args) ? args : [],
  }
}

function readTurns(reader: Reader): readonly string[] {
  const count = reader.varuint()
  if (count === 0) return NO_TURNS
  const turns: string[] = []
  for (let left = count; left > 0 && !reader.failed; left -= 1) turns.push(reader.string())
  return turns
}

function readNumber(reader: Reader): CallNumber {
  return { caller: reader.string(), seq: reader.varuint(), settledBelow: reader.varuint() }
}

const NAME_UNITS_MAX = 256
const MESSAGE_UNITS_MAX = 64 * 1024

/** Reads what {@link writeFailure} wrote, after its call's id. */
export function readError(reader: Reader): Error {
  return errorFromFields(reader.value())
}

interface ErrorFields {
  readonly name: string
  readonly message: string
  readonly code?: unknown
  readonly retry?: unknown
  readonly details?: unknown
  readonly data?: unknown
}

/** What crosses of an error: name, message, code and data; never the stack. */
export function errorFields(error: unknown): ErrorFields {
  try {
    return fieldsOf(error)
  } catch {
    // Whoever throws may throw anything, also what throws when it is looked at.
    return { name: 'Thrown', message: 'something that cannot be described' }
  }
}

function fieldsOf(error: unknown): ErrorFields {
  if (error instanceof EpicError) {
    const { name, message, code, retry, details } = error
    return { name, message, code, retry, details }
  }
  if (!(error instanceof Error)) return { name: 'Thrown', message: String(error) }
  const { name, message } = error
  const { code, data } = error as { code?: unknown; data?: unknown }
  return {
    name: String(name),
    message: String(message),
    ...(code !== undefined && { code }),
    ...(data !== undefined && { data }),
  }
}

/** An error from what crossed of it; anything else becomes an error that says so. */
export function errorFromFields(fields: unknown): Error {
  if (typeof fields !== 'object' || fields === null)
    return new Error('An error that did not decode')
  const { name, message, code, retry, details, data } = fields as Partial<ErrorFields>
  const text = typeof message === 'string' ? message : ''
  if (name === 'EpicError' && isErrorCode(code)) {
    return new EpicError(code satisfies ErrorCode, text, {
      ...(isRetry(retry) && { retry }),
      ...(typeof details === 'object' &&
        details !== null && { details: details as Record<string, unknown> }),
    })
  }
  const error = new Error(text)
  error.name = typeof name === 'string' ? name : 'Error'
  if (code !== undefined) Object.defineProperty(error, 'code', { value: code, enumerable: true })
  if (data !== undefined) Object.defineProperty(error, 'data', { value: data, enumerable: true })
  return error
}

function isRetry(value: unknown): value is 'never' | 'safe' | 'unknown' {
  return value === 'never' || value === 'safe' || value === 'unknown'
}
