/**
 * What arrives from other nodes: hands calls to the node, outcomes to the calls that wait, fabric messages to the member, and answers what
 * nodes ask each other.
 */
import { EpicError } from '@epicserver/contracts'
import { isPeerMessage, unpackReports, type Arrival, type ClusterMember } from '@epicserver/fabric'
import type { Reader } from '@epicserver/wire'
import type { Log } from '../log.ts'
import { descriptionOf } from '../model/ref.ts'
import type { EntityCall } from '../node/entity-call.ts'
import { isSweep, REMOTE_OPERATIONS } from '../node/internal-operations.ts'
import type { EntityNode } from '../node/node.ts'
import { isDueTask } from '../tasks/task-firing.ts'
import type { BatchWriter } from './batch-writer.ts'
import type { ClusterRouter } from './cluster-router.ts'
import type { Confirmations } from './confirmations.ts'
import { INTRODUCTION, type Acquaintances, type Target } from './introductions.ts'
import type { Intake } from './intake.ts'
import { movedAnswer, PeerCall, type Returned } from './peer-call.ts'
import { laneOfAnswer } from './lane-requests.ts'
import { NODE_TYPE, TASK_OPERATION, type PeerLink } from './peer-link.ts'
import {
  CALL,
  CALL_BY_NUMBER,
  FABRIC,
  FAILURE,
  readCall,
  REFUSAL,
  RESULT,
  writeFailure,
  writeResult,
  type CallMessage,
} from './peer-messages.ts'
import type { PeerChannel } from './peer-network.ts'
import { ReturnedMessage } from './returned-message.ts'
import type { Returns } from './returns.ts'
import type { Whereabouts } from './whereabouts.ts'

/** What the links, and what comes through them, need of the node around them. */
export interface PeerHost {
  readonly member: ClusterMember
  readonly router: ClusterRouter
  readonly node: EntityNode
  readonly whereabouts: Whereabouts
  readonly log: Log
  /** A node has proved itself by a secret that counts no more, on a channel that was opened here or there. */
  onStale(nodeId: string, channel: PeerChannel, openedBy: 'ours' | 'theirs'): void
  readonly confirmations: Confirmations
  /** One of many calls to a node is about to leave. */
  onSampled(call: EntityCall, to: string): void
  /** The member said something: perform its effects. */
  pump(): void
}

/** What arrives through one channel. */
export interface Source {
  readonly from: string
  readonly reader: Reader
  /** Set for channels that were opened here: outcomes come back through them. */
  readonly link?: PeerLink
  /** Set for channels that the other side has opened: only it calls through them. */
  readonly caller?: Caller
}

export interface Caller {
  readonly answers: BatchWriter
  readonly acquaintances: Acquaintances
  readonly intake: Intake
  readonly returns: Returns
}

/** What the messages of one batch have in common. */
interface Batch {
  readonly from: string
  /** The view that the sender had. */
  readonly viewNo: number
  readonly now: number
}

/** An arrival, with how fresh its sender's word of the entity's place was. */
interface LocatedArrival extends Arrival {
  readonly placeEpoch: bigint
}

export class Reception {
  readonly #host: PeerHost
  #messages = 0

  constructor(host: PeerHost) {
    this.#host = host
  }

  /** Messages that have come since the start. */
  get messages(): number {
    return this.#messages
  }

  /** Reads a batch; says whether it was one. */
  read(source: Source, bytes: Uint8Array): boolean {
    const { from, reader, caller, link } = source
    reader.reset(bytes)
    const batch = { from, viewNo: reader.varuint(), now: this.#host.node.ports.clock.monotonicMs() }
    let count = 0
    while (!reader.failed && reader.at < reader.end) {
      count += 1
      const kind = reader.u8()
      if (kind === RESULT || kind === FAILURE || kind === REFUSAL)
        if (link === undefined) reader.fail('an outcome to who was not asked')
        else link.handleOutcome(kind, reader)
      else if (kind === FABRIC) this.#readFabric(from, reader)
      else if (caller === undefined) reader.fail(`a message of kind ${kind} to a caller`)
      else if (kind === CALL_BY_NUMBER || kind === CALL) this.#readCall(kind, batch, reader, caller)
      else if (kind === INTRODUCTION) caller.acquaintances.readIntroduction(reader)
      else reader.fail(`a message of kind ${kind}`)
    }
    this.#messages += count
    if (reader.failed)
      this.#host.log.warn('a peer sent a batch that does not decode', {
        peer: from,
        problem: reader.problem,
      })
    return !reader.failed
  }

  #readFabric(from: string, reader: Reader): void {
    const message = unpackReports(reader.value())
    if (!isPeerMessage(message)) return
    const now = this.#host.node.ports.clock.monotonicMs()
    if (!this.#host.router.canServe(now)) return
    this.#host.member.handlePeerMessage(from, message, now)
    this.#host.pump()
  }

  #readCall(
    kind: typeof CALL | typeof CALL_BY_NUMBER,
    batch: Batch,
    reader: Reader,
    caller: Caller,
  ): void {
    const { answers, acquaintances } = caller
    const callId = reader.varuint()
    const target = kind === CALL ? acquaintances.readName(reader) : acquaintances.readNumber(reader)
    const message = readCall(reader, callId)
    if (reader.failed) return
    if (target.type === NODE_TYPE) {
      void this.#answer(batch.from, message, answers)
      return
    }
    const call = this.#callFrom(target, message, caller, batch)
    if (call === undefined) return
    if (this.#goesBack(call, caller)) return
    const { from, viewNo } = batch
    const { partition } = target
    this.#admit({ from, viewNo, partition, placeEpoch: message.placeEpoch }, call, batch.now)
  }

  /** Whether a call has gone back since others to its entity have, which it must not overtake. */
  #goesBack(call: PeerCall, { returns }: Caller): boolean {
    const { ref, operation } = call
    const before = returns.find(ref, operation.priority)
    if (before === undefined) return false
    if (isSweep(operation)) {
      returns.clear(ref, operation.priority)
      return false
    }
    call.sendBack(before.to)
    return true
  }

  /** Lets a call in, sends it back, or keeps it until it is clear which: then it is asked again. */
  #admit(arrival: LocatedArrival, call: PeerCall, now: number): void {
    const { node, member, router, whereabouts } = this.#host
    if (router.isHeldFor(call.ref)) {
      router.hold(call, () => this.#admit(arrival, call, node.ports.clock.monotonicMs()))
      return
    }
    const admission = router.canServe(now) ? member.admit(arrival, now) : 'drop'
    // By a view that this node has not read yet the sender may be a member, and the partition may live here.
    const isAhead = arrival.viewNo > (member.view?.viewNo ?? 0)
    if (isAhead) this.#host.pump()
    if (admission === 'serve' && router.isReady(arrival.partition)) node.dispatch(call)
    else if (admission !== 'drop' && (node.isActive(call.ref) || node.isBehind(call)))
      node.dispatch(call)
    else if (admission === 'moved') whereabouts.receive(call, arrival.placeEpoch)
    else if (admission !== 'drop' && whereabouts.keepBehind(call)) return
    else if (admission !== 'drop' || isAhead)
      router.hold(call, () => this.#admit(arrival, call, node.ports.clock.monotonicMs()))
    else
      call.fail(
        new EpicError(
          'Unavailable',
          `Cannot take a call of node ${arrival.from}: it is no member of view ${member.view?.viewNo ?? 0}`,
        ),
      )
  }

  /** Answers what another node asks of this one. */
  async #answer(from: string, message: CallMessage, answers: BatchWriter): Promise<void> {
    const { node } = this.#host
    const lane = laneOfAnswer(message.operation, message.args)
    try {
      const handler = node.requests.get(message.operation)
      if (handler === undefined)
        throw new EpicError('UnknownOperation', `Cannot ask a node for ${message.operation}`)
      const answer = await handler(from, message.args)
      if (message.isOneWay) return
      // The lane is taken now: one that was taken before would have been sent off meanwhile.
      writeResult(answers.lane(lane), message.callId, answer, message.operation)
    } catch (error) {
      if (!message.isOneWay) writeFailure(answers.lane(lane), message.callId, error)
    }
  }

  #callFrom(
    { type, ref }: Target,
    message: CallMessage,
    source: Caller,
    { from, now }: Batch,
  ): PeerCall | undefined {
    const { node } = this.#host
    const task =
      message.operation === TASK_OPERATION && isDueTask(message.args[0]) ? message.args[0] : null
    const name = task?.operation ?? message.operation
    const operation =
      ref === undefined
        ? undefined
        : (descriptionOf(ref).operations.get(name) ?? REMOTE_OPERATIONS.get(name))
    if (operation === undefined || ref === undefined) {
      if (!message.isOneWay)
        writeFailure(source.answers.lane('normal'), message.callId, this.#unknown(type, name))
      return undefined
    }
    const args = task?.args ?? message.args
    // Who calls from outside of another node is not who does of this one.
    const origin = message.caller === '' ? { ...message, caller: from } : message
    const call = new PeerCall(node, ref, operation, args, source, origin)
    call.deadlineAt = now + message.timeLeftMs
    call.task = task
    return call
  }

  #unknown(type: string, operation: string): EpicError {
    return this.#host.node.descriptions.has(type)
      ? new EpicError(
          'UnknownOperation',
          `Cannot call ${type}.${operation}: there is no such operation`,
        )
      : new EpicError('UnknownType', `Cannot find entity type "${type}"`)
  }

  /** A call was refused where its entity is not; or a message came back from there. */
  handleMoved(call: EntityCall | null, from: string, answer: EpicError): void {
    const { to, returned } = movedAnswer(answer)
    const refused = call ?? (returned && this.#callAgain(returned))
    if (refused === undefined) return
    refused.reset()
    this.#host.whereabouts.handleMoved(refused, from, to)
  }

  #callAgain({ entity, operation: name, args, trace }: Returned): EntityCall | undefined {
    const { node } = this.#host
    const operation = node.descriptions.get(entity.type)?.operations.get(name)
    const ref = operation === undefined ? undefined : node.refs.get(entity.type, entity.id)
    if (operation?.oneWay !== true || ref === undefined) return undefined
    const report = node.reportFailure
    const call = new ReturnedMessage(
      { home: node, ref, operation, args, report },
      this.#host.confirmations,
    )
    call.trace = trace
    return call
  }
}
