/** A call that came from another node: its outcome goes back as a message. */
import { EpicError, isEpicError, type EntityId } from '@epicserver/contracts'
import type { CallNumber, CallOrigin } from '@epicserver/kernel'
import type { OperationDescription } from '../model/class-description.ts'
import { EntityCall, type CallHome } from '../node/entity-call.ts'
import type { BatchWriter } from './batch-writer.ts'
import type { Intake, IntakeGroup } from './intake.ts'
import { FAILURE, REFUSAL, writeFailure, writeResult } from './peer-messages.ts'
import { entityBehind, type RefObject } from '../model/ref.ts'
import { isSweep } from '../node/internal-operations.ts'
import type { Returns } from './returns.ts'
import type { Whither } from './whereabouts.ts'

/** What a call from elsewhere brings along of itself. */
export interface PeerCallOrigin extends CallOrigin {
  readonly callId: number
  readonly isOneWay: boolean
  readonly number: CallNumber | null
  readonly trace: string | null
  readonly caller: string | null
}

/** The channel by which a call came. */
export interface CallSource {
  readonly answers: BatchWriter
  readonly intake: Intake
  readonly returns: Returns
}

export class PeerCall extends EntityCall {
  declare private readonly callId: number
  declare private readonly isOneWay: boolean
  declare private readonly answers: BatchWriter
  declare private readonly returns: Returns
  declare private readonly callerName: string | null
  /** Where it is counted until it begins, or is settled. */
  declare private group: IntakeGroup | null

  constructor(
    home: CallHome,
    ref: RefObject,
    operation: OperationDescription,
    args: readonly unknown[],
    { answers, intake, returns }: CallSource,
    origin: PeerCallOrigin,
  ) {
    super(home, ref, operation, args, null, origin)
    this.callId = origin.callId
    this.isOneWay = origin.isOneWay
    this.answers = answers
    this.returns = returns
    this.number = origin.number
    this.trace = origin.trace
    this.callerName = origin.caller
    this.group = intake.admit()
  }

  /** The node that made the call. */
  get from(): string {
    return this.answers.nodeId
  }

  override get caller(): string {
    return this.callerName ?? ''
  }

  override handleUnderWay(): void {
    this.group?.release()
    this.group = null
  }

  override succeed(value: unknown): void {
    if (!this.close() || this.isOneWay) return
    writeResult(this.answers.lane(this.operation.priority), this.callId, value, this)
  }

  override reject(error: unknown): void {
    this.settleWith(error, FAILURE)
  }

  /** Where the call goes next is for the node to say that made it. What is about to stop takes nothing, and loses nothing. */
  override fail(error: unknown): void {
    if (isEpicError(error) && error.code === 'NodeStopping') this.sendBack(undefined)
    else this.settleWith(error, REFUSAL)
  }

  /**
   * Its entity is not here, but there: its sender takes it there, or finds out where that is. A message that nobody waits for goes along
   * with the answer.
   */
  sendBack(to: Whither | undefined): void {
    if (!this.close()) return
    const { ref, operation } = this
    if (isSweep(operation)) this.returns.clear(ref, operation.priority)
    else this.returns.note(ref, operation.priority, to)
    const message = this.isOneWay ? returnedFrom(this) : undefined
    const name = ref.toString()
    const answer = new EpicError('Moved', `"${name}" does not live here`, {
      details: { ...to, ...(message && { message }) },
    })
    writeFailure(this.answers.lane(operation.priority), this.callId, answer, REFUSAL)
  }

  /** Decides that there is an outcome; says whether there was none. */
  private close(): boolean {
    if (this.settled) return false
    this.settled = true
    this.handleUnderWay()
    return true
  }

  private settleWith(error: unknown, kind: typeof FAILURE | typeof REFUSAL): void {
    if (!this.close() || this.isOneWay) return
    writeFailure(this.answers.lane(this.operation.priority), this.callId, error, kind)
  }
}

/** A one-way message on its way back to its sender. */
export interface Returned {
  readonly entity: EntityId
  readonly operation: string
  readonly args: readonly unknown[]
  readonly trace: string | null
}

function returnedFrom({ ref, operation, args, trace }: PeerCall): Returned {
  return { entity: entityBehind(ref), operation: operation.name, args, trace }
}

/** What a `Moved` brings along; undefined where it is none of ours. */
export function movedAnswer({ details }: EpicError): { to?: Whither; returned?: Returned } {
  const { host, epoch, message } = (details ?? {}) as Readonly<Record<string, unknown>>
  const isPlace = typeof host === 'string' && typeof epoch === 'bigint'
  return {
    ...(isPlace && { to: { host, epoch } }),
    ...(isReturned(message) && { returned: message }),
  }
}

function isReturned(value: unknown): value is Returned {
  if (typeof value !== 'object' || value === null) return false
  const { entity, operation, args, trace } = value as Partial<Record<keyof Returned, unknown>>
  if (typeof entity !== 'object' || entity === null) return false
  const { type, id } = entity as Readonly<Record<string, unknown>>
  return (
    typeof type === 'string' &&
    typeof id === 'string' &&
    typeof operation === 'string' &&
    Array.isArray(args) &&
    (trace === null || typeof trace === 'string')
  )
}
