/**
 * The links of one node to all others: opens a channel to each member of the view, takes those that they open, and hands what
 * arrives to where it belongs: calls to the node, outcomes to the calls that wait, fabric messages to the member.
 */
import { EpicError, partitionOf } from '@epicserver/contracts'
import {
  isPeerMessage,
  type Arrival,
  type ClusterMember,
  type PeerMessage,
  type View,
} from '@epicserver/fabric'
import type { Reader } from '@epicserver/wire'
import type { ClusterRouter } from './cluster-router.ts'
import { EntityCall } from '../node/entity-call.ts'
import { REMOTE_OPERATIONS } from '../node/internal-operations.ts'
import type { Log } from '../log.ts'
import type { EntityNode } from '../node/node.ts'
import { PeerCall } from './peer-call.ts'
import { BatchWriter, NODE_TYPE, PeerLink, TASK_OPERATION, type Waiting } from './peer-link.ts'
import {
  CALL,
  FABRIC,
  FAILURE,
  readCall,
  REFUSAL,
  RESULT,
  writeFabric,
  writeFailure,
  writeResult,
  type CallMessage,
} from './peer-messages.ts'
import type { PeerChannel, PeerChannelEvents, PeerNetwork } from './peer-network.ts'
import { isDueTask } from '../tasks/task-firing.ts'

/** What the links need of the node around them. */
export interface PeerHost {
  readonly member: ClusterMember
  readonly router: ClusterRouter
  readonly node: EntityNode
  readonly log: Log
  /** The member said something: perform its effects. */
  pump(): void
}

export class Peers {
  readonly #host: PeerHost
  readonly #network: PeerNetwork
  readonly #links = new Map<
    string,
    { readonly link: PeerLink; readonly channel: PeerChannel; isOpen: boolean }
  >()
  /** Nodes that are tried again after a moment. */
  readonly #lost = new Set<string>()
  #isClosed = false

  constructor(host: PeerHost, network: PeerNetwork) {
    this.#host = host
    this.#network = network
    network.listen((from, channel) => this.#accept(from, channel))
  }

  /** The link to a node, once it is open: a call that is given to it may have run from then on. */
  to(nodeId: string): PeerLink | undefined {
    const entry = this.#links.get(nodeId)
    return entry?.isOpen === true ? entry.link : undefined
  }

  /** Opens what the view needs and closes what it does not. */
  handleView(view: View): void {
    const self = this.#host.member.nodeId
    const wanted = new Set(view.members.map((member) => member.nodeId))
    for (const { nodeId, address } of view.members) {
      if (nodeId !== self && !this.#links.has(nodeId)) this.#open(nodeId, address)
    }
    for (const [nodeId, { channel }] of this.#links) {
      if (!wanted.has(nodeId)) {
        this.#end(nodeId, 'the node has left the cluster')
        channel.close()
      }
    }
  }

  /** Asks every other member something; those that cannot answer are told apart by their error. */
  askAll(
    what: string,
    args: readonly unknown[],
    timeLeftMs: number,
  ): Promise<PromiseSettledResult<unknown>[]> {
    return Promise.allSettled(
      [...this.#links.values()]
        .filter(({ isOpen }) => isOpen)
        .map(({ link }) => link.ask(what, args, timeLeftMs)),
    )
  }

  /** Calls and requests that wait for an answer of any peer. */
  get waitingCount(): number {
    let count = 0
    for (const { link } of this.#links.values()) count += link.size
    return count
  }

  sendFabric(nodeId: string, message: PeerMessage): void {
    const entry = this.#links.get(nodeId)
    if (entry !== undefined) writeFabric(entry.link.batch.lane('control'), message)
  }

  close(): void {
    this.#isClosed = true
    this.#network.close()
  }

  #open(nodeId: string, address: string): void {
    const reader = this.#host.node.codec.messages.createReader()
    const channel = this.#network.open(nodeId, address, {
      onOpen: () => {
        entry.isOpen = true
        this.#host.router.release()
      },
      onBatch: (bytes) => this.#read(nodeId, reader, bytes, undefined),
      onClose: (reason) => this.#reopen(nodeId, reason),
    })
    const entry = {
      link: new PeerLink(
        nodeId,
        this.#batches(channel),
        (call) => void this.#host.router.hold(call),
      ),
      channel,
      isOpen: false,
    }
    this.#links.set(nodeId, entry)
  }

  #accept(from: string, channel: PeerChannel): PeerChannelEvents {
    const reader = this.#host.node.codec.messages.createReader()
    const answers = this.#batches(channel)
    return {
      onBatch: (bytes) => this.#read(from, reader, bytes, answers),
      onClose: () => answers.close(),
    }
  }

  #batches(channel: PeerChannel): BatchWriter {
    const { node, member, router } = this.#host
    return new BatchWriter(channel, {
      newWriter: () => node.codec.messages.createWriter(),
      afterTurns: (run) => node.ports.clock.afterTurns(run),
      viewNo: () => member.view?.viewNo ?? 0,
      maySend: () => !node.isClosed && router.canServe(node.ports.clock.monotonicMs()),
    })
  }

  /** A channel that ended while its node is still a member is opened again, this one only: others have their own moment. */
  #reopen(nodeId: string, reason: string): void {
    if (this.#isClosed || !this.#links.has(nodeId)) return
    this.#end(nodeId, reason)
    if (this.#lost.has(nodeId)) return
    this.#lost.add(nodeId)
    const { member, node } = this.#host
    node.ports.clock.setTimer(() => {
      this.#lost.delete(nodeId)
      const info = member.view?.members.find((each) => each.nodeId === nodeId)
      if (!this.#isClosed && info !== undefined && !this.#links.has(nodeId))
        this.#open(nodeId, info.address)
    }, REOPEN_AFTER_MS)
  }

  #end(nodeId: string, reason: string): void {
    const entry = this.#links.get(nodeId)
    this.#links.delete(nodeId)
    for (const waiting of entry?.link.takeAll() ?? []) {
      waiting.fail(nodeLost(waiting, nodeId, reason))
    }
  }

  #read(from: string, reader: Reader, bytes: Uint8Array, answers: BatchWriter | undefined): void {
    reader.reset(bytes)
    const viewNo = reader.varuint()
    while (!reader.failed && reader.at < reader.end) {
      const kind = reader.u8()
      if (kind === CALL && answers !== undefined) this.#readCall(from, viewNo, reader, answers)
      else if (kind === RESULT || kind === FAILURE || kind === REFUSAL)
        this.to(from)?.handleOutcome(kind, reader)
      else if (kind === FABRIC) this.#readFabric(from, reader)
      else reader.fail(`a message of kind ${kind}`)
    }
    if (reader.failed)
      this.#host.log.warn('a peer sent a batch that does not decode', { peer: from })
  }

  #readFabric(from: string, reader: Reader): void {
    const message = reader.value()
    if (!isPeerMessage(message)) return
    const now = this.#host.node.ports.clock.monotonicMs()
    if (!this.#host.router.canServe(now)) return
    this.#host.member.handlePeerMessage(from, message, now)
    this.#host.pump()
  }

  #readCall(from: string, viewNo: number, reader: Reader, answers: BatchWriter): void {
    const message = readCall(reader)
    if (reader.failed) return
    if (message.type === NODE_TYPE) {
      void this.#answer(from, message, answers)
      return
    }
    const call = this.#callFrom(message, answers)
    if (call === undefined) return
    this.#admit({ from, viewNo, partition: partitionOf(message.type, message.id) }, call)
  }

  /** Lets a call in, sends it back, or keeps it until it is clear which: then it is asked again. */
  #admit(arrival: Arrival, call: PeerCall): void {
    const { node, member, router } = this.#host
    const now = node.ports.clock.monotonicMs()
    const admission = router.canServe(now) ? member.admit(arrival, now) : 'drop'
    // By a view that this node has not read yet the sender may be a member, and the partition may live here.
    const isAhead = arrival.viewNo > (member.view?.viewNo ?? 0)
    if (isAhead) this.#host.pump()
    if (admission === 'serve' && router.isReady(arrival.partition)) node.dispatch(call)
    else if (admission === 'moved')
      call.fail(new EpicError('Moved', `"${call.ref.toString()}" does not live here`))
    else if (admission !== 'drop' || isAhead) router.hold(call, () => this.#admit(arrival, call))
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
    try {
      const handler = node.requests.get(message.operation)
      if (handler === undefined)
        throw new EpicError('UnknownOperation', `Cannot ask a node for ${message.operation}`)
      writeResult(
        answers.lane('high'),
        message.callId,
        await handler(from, message.args),
        message.operation,
      )
    } catch (error) {
      writeFailure(answers.lane('high'), message.callId, error)
    }
  }

  #callFrom(message: CallMessage, answers: BatchWriter): PeerCall | undefined {
    const { node } = this.#host
    const description = node.descriptions.get(message.type)
    const task =
      message.operation === TASK_OPERATION && isDueTask(message.args[0]) ? message.args[0] : null
    const name = task?.operation ?? message.operation
    const operation = description?.operations.get(name) ?? REMOTE_OPERATIONS.get(name)
    const ref = operation === undefined ? undefined : node.refs.get(message.type, message.id)
    if (operation === undefined || ref === undefined) {
      if (!message.isOneWay)
        writeFailure(
          answers.lane('normal'),
          message.callId,
          unknownTarget(message, description !== undefined),
        )
      return undefined
    }
    const call = new PeerCall(node, ref, operation, task?.args ?? message.args, answers, {
      callId: message.callId,
      isOneWay: message.isOneWay,
      depth: message.depth,
      above: message.above,
      deadlineAt: node.ports.clock.monotonicMs() + message.timeLeftMs,
      number: message.number,
      trace: message.trace,
    })
    call.task = task
    return call
  }
}

/** Long enough not to spin on a node that is just dying, short against any lease. */
const REOPEN_AFTER_MS = 20

function nodeLost(waiting: Waiting, nodeId: string, reason: string): EpicError {
  const what =
    waiting instanceof EntityCall
      ? `${waiting.operation.name} of "${waiting.ref.toString()}"`
      : 'a request'
  return new EpicError(
    'NodeLost',
    `Cannot know what became of ${what}: the link to node ${nodeId} ended (${reason})`,
  )
}

function unknownTarget(message: CallMessage, isTypeKnown: boolean): EpicError {
  return isTypeKnown
    ? new EpicError(
        'UnknownOperation',
        `Cannot call ${message.type}.${message.operation}: there is no such operation`,
      )
    : new EpicError('UnknownType', `Cannot find entity type "${message.type}"`)
}
