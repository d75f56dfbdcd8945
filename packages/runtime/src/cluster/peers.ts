/**
 * The links of one node to all others: opens a channel to each member of the view, takes those that they open, and hands what
 * arrives to where it belongs: calls to the node, outcomes to the calls that wait, fabric messages to the member.
 */
import { EpicError } from '@epicserver/contracts'
import {
  isPeerMessage,
  unpackReports,
  type Arrival,
  type ClusterMember,
  type PeerMessage,
  type View,
} from '@epicserver/fabric'
import type { Reader } from '@epicserver/wire'
import type { ClusterRouter } from './cluster-router.ts'
import { EntityCall } from '../node/entity-call.ts'
import { REMOTE_OPERATIONS } from '../node/internal-operations.ts'
import { CONFIRM_REQUEST, type Confirmations } from './confirmations.ts'
import { Intake } from './intake.ts'
import { ReturnedMessage } from './returned-message.ts'
import type { Log } from '../log.ts'
import type { EntityNode } from '../node/node.ts'
import { movedAnswer, PeerCall, type Returned } from './peer-call.ts'
import { BatchWriter } from './batch-writer.ts'
import { NODE_TYPE, PeerLink, TASK_OPERATION, type Waiting } from './peer-link.ts'
import { GREETING_REQUEST, laneFrom, SWEEP_REQUEST } from './farewells.ts'
import { Acquaintances, INTRODUCTION, type Target } from './introductions.ts'
import {
  CALL,
  CALL_BY_NUMBER,
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
import type { Whereabouts } from './whereabouts.ts'
import { descriptionOf } from '../model/ref.ts'
import { isDueTask } from '../tasks/task-firing.ts'
import { pause, within } from '../node/pause.ts'

/** What the links need of the node around them. */
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

/** A link is open within milliseconds, unless its node is gone; then the next view says so within a lease. */
const OPENING_MS_MAX = 2_000
const LOOK_AGAIN_MS = 5
/** A round trip, also to a node that is busy. */
const GREETING_MS_MAX = 1_000

export class Peers {
  readonly #host: PeerHost
  readonly #network: PeerNetwork
  readonly #links = new Map<string, Entry>()
  /** Links in whose place there are others, as long as answers come through them. */
  readonly #replaced = new Set<Entry>()
  /** The channel that each node has opened last. */
  readonly #newest = new Map<string, PeerChannel>()
  /** What has come through that. */
  readonly #intakes = new Map<string, Intake>()
  /** Nodes that are tried again after a moment. */
  readonly #lost = new Set<string>()
  /** How often each node was tried in vain since a link to it was open. */
  readonly #inVain = new Map<string, number>()
  #messages = 0
  #isClosed = false

  constructor(host: PeerHost, network: PeerNetwork) {
    this.#host = host
    this.#network = network
    network.listen((from, channel) => this.#accept(from, channel))
  }

  /** The link to a node, once it is open: a call that is given to it may have run from then on. */
  to(nodeId: string): PeerLink | undefined {
    const entry = this.#links.get(nodeId)
    return entry?.state === 'open' ? entry.link : undefined
  }

  /** The link to a node, once it is open, although the node may be about to leave: what is under way there comes to its end. */
  standing(nodeId: string): PeerLink | undefined {
    const entry = this.#links.get(nodeId)
    return entry !== undefined && isStanding(entry) ? entry.link : undefined
  }

  /** The links that are open, with those to nodes that are about to leave. */
  get allStanding(): readonly PeerLink[] {
    return [...this.#links.values()].filter((each) => isStanding(each)).map(({ link }) => link)
  }

  /** All links through which something may have been sent that has not arrived. */
  get allSentThrough(): readonly PeerLink[] {
    return [...this.#links.values(), ...this.#replaced].map(({ link }) => link)
  }

  /** Resolves when the calls that a node has sent here so far have begun, or have gone back. */
  async cleared(from: string): Promise<void> {
    await this.#intakes.get(from)?.cleared()
  }

  /** The nodes that call this one. */
  get callers(): Iterable<string> {
    return this.#newest.keys()
  }

  isCaller(nodeId: string): boolean {
    return this.#newest.has(nodeId)
  }

  /** A node is about to leave: no call is sent to it any more. */
  spare(nodeId: string): void {
    const entry = this.#links.get(nodeId)
    if (entry?.state === 'open' || entry?.state === 'opening') entry.state = 'spared'
  }

  /** Sends nothing more through the link to a node, if it stands on this secret: it will be replaced. */
  beginReplacing(nodeId: string, secretId: unknown): PeerLink | undefined {
    const entry = this.#links.get(nodeId)
    if (entry?.state !== 'open' || entry.channel.secretId !== secretId) return undefined
    entry.state = 'ending'
    return entry.link
  }

  /** Opens another link in the place of this one, through which only answers come from now on. */
  replace(link: PeerLink): void {
    const { nodeId } = link
    const entry = this.#links.get(nodeId)
    const info = this.#host.member.view?.members.find((each) => each.nodeId === nodeId)
    if (entry?.link !== link || info === undefined || this.#isClosed) return
    this.#replaced.add(entry)
    this.#open(nodeId, info.address)
  }

  /** What has no answer by now gets none. */
  endReplaced(link: PeerLink): void {
    for (const entry of this.#replaced) if (entry.link === link) this.#endReplaced(entry, REPLACED)
  }

  /** A node calls through its channel no more, and will open another. */
  retireCaller(from: string): void {
    this.#newest.delete(from)
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
        this.#end(nodeId, LEFT)
        this.#inVain.delete(nodeId)
        channel.close()
      }
    }
    for (const entry of this.#replaced)
      if (!wanted.has(entry.link.nodeId)) this.#endReplaced(entry, LEFT)
  }

  /** Asks every other member something; those that cannot answer are told apart by their error. */
  askAll(
    what: string,
    args: readonly unknown[],
    timeLeftMs: number,
  ): Promise<PromiseSettledResult<unknown>[]> {
    return Promise.allSettled(this.allStanding.map((link) => link.ask(what, args, { timeLeftMs })))
  }

  /**
   * Asks a node something that concerns no entity. Where a link to it is just being opened, as between nodes that have met now, that is
   * waited for.
   * @throws EpicError `Unavailable` when it cannot be reached, `NodeLost` when it is lost before it has answered
   */
  async ask(nodeId: string, what: string, args: readonly unknown[]): Promise<unknown> {
    const { clock } = this.#host.node.ports
    const until = clock.monotonicMs() + OPENING_MS_MAX
    for (;;) {
      const answer = this.askIfOpen(nodeId, what, args)
      if (answer !== undefined) return await answer
      if (!this.#links.has(nodeId) || clock.monotonicMs() >= until)
        throw new EpicError('Unavailable', `Cannot ask node ${nodeId}: no link to it is open`)
      await pause(clock, LOOK_AGAIN_MS)
    }
  }

  /** The same; `undefined` where no link is open. */
  askIfOpen(
    nodeId: string | undefined,
    what: string,
    args: readonly unknown[],
  ): Promise<unknown> | undefined {
    const link = nodeId === undefined ? undefined : this.to(nodeId)
    return link?.ask(what, args, { timeLeftMs: this.#host.node.limits.callTimeoutMs })
  }

  /** Calls and requests that wait for an answer of any peer. */
  get waitingCount(): number {
    let count = 0
    for (const { link } of this.#links.values()) count += link.size
    return count
  }

  /** Messages to and from other nodes since the start. */
  get messages(): number {
    return this.#messages
  }

  sendFabric(nodeId: string, message: PeerMessage): void {
    const entry = this.#links.get(nodeId)
    if (entry === undefined) return
    if (message.kind === 'transfer') this.#sendEntity(entry.link, message)
    else writeFabric(entry.link.batch.lane('control'), message)
  }

  /** An entity may be large: it goes among the users' messages, and delays none that keep the cluster together. */
  #sendEntity({ batch }: PeerLink, message: PeerMessage & { readonly kind: 'transfer' }): void {
    try {
      writeFabric(batch.lane('normal'), message)
    } catch (error) {
      const { log, member, node } = this.#host
      log.warn('an entity cannot be moved', { entity: message.key, error })
      member.residents.giveUp(message.key, node.ports.clock.monotonicMs())
    }
  }

  close(): void {
    this.#isClosed = true
    this.#network.close()
  }

  #open(nodeId: string, address: string): void {
    const channel = this.#network.open(nodeId, address, {
      onOpen: () => {
        this.#inVain.delete(nodeId)
        void this.#greet(entry)
      },
      onBatch: (bytes) => {
        if (this.#read(source, bytes)) return
        channel.close()
        this.#endReplaced(entry, 'it sent what does not decode')
        this.#reopen(nodeId, 'it sent what does not decode')
      },
      onClose: (reason) => {
        this.#endReplaced(entry, reason)
        if (this.#links.get(nodeId) === entry) this.#reopen(nodeId, reason)
      },
      onStale: () => this.#host.onStale(nodeId, channel, 'ours'),
    })
    const entry: Entry = {
      link: new PeerLink(nodeId, this.#batches(nodeId, channel), {
        onMoved: (call, answer) => this.#handleMoved(call, nodeId, answer),
        onSampled: (call) => this.#host.onSampled(call, nodeId),
        sentRound: () => this.#host.confirmations.round,
      }),
      channel,
      state: 'opening',
    }
    const source = { from: nodeId, reader: this.#newReader(), link: entry.link }
    this.#links.set(nodeId, entry)
  }

  /** Calls go through a link when its node has said that it is not about to leave; it may be too old to know the question. */
  async #greet(entry: Entry): Promise<void> {
    const { node, router } = this.#host
    let isLeaving = false
    const greeting = entry.link.ask(GREETING_REQUEST, [], { timeLeftMs: GREETING_MS_MAX }).then(
      (answer) => (isLeaving = answer === true),
      (error: unknown) => node.log.debug('a greeting has no answer', { error }),
    )
    await within(node.ports.clock, GREETING_MS_MAX, greeting)
    if (this.#isClosed) return
    if (entry.state === 'opening') entry.state = isLeaving ? 'spared' : 'open'
    router.release()
  }

  /** A call was refused where its entity is not; or a message came back from there. */
  #handleMoved(call: EntityCall | null, from: string, answer: EpicError): void {
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

  #accept(from: string, channel: PeerChannel): PeerChannelEvents {
    const answers = this.#batches(from, channel)
    const acquaintances = new Acquaintances(this.#host.node.refs)
    const intake = new Intake()
    const caller = { answers, acquaintances, intake }
    const source = { from, reader: this.#newReader(), caller } as const
    this.#newest.get(from)?.close()
    this.#newest.set(from, channel)
    this.#intakes.set(from, intake)
    return {
      onBatch: (bytes) => {
        // What was not read of a channel when its node has opened another was given up there, and must not run behind that.
        if (this.#newest.get(from) !== channel || this.#read(source, bytes)) return
        answers.close()
        channel.close()
      },
      onClose: () => {
        if (this.#newest.get(from) === channel) {
          this.#newest.delete(from)
          this.#intakes.delete(from)
        }
        answers.close()
      },
      onStale: () => this.#host.onStale(from, channel, 'theirs'),
    }
  }

  #newReader(): Reader {
    return this.#host.node.codec.messages.createReader()
  }

  #batches(nodeId: string, channel: PeerChannel): BatchWriter {
    const { node, member, router } = this.#host
    return new BatchWriter(channel, {
      nodeId,
      newWriter: () => node.codec.messages.createWriter(),
      afterTurns: (run) => node.ports.clock.afterTurns(run),
      viewNo: () => member.view?.viewNo ?? 0,
      maySend: () => !node.isClosed && router.canServe(node.ports.clock.monotonicMs()),
      handleSent: (count) => (this.#messages += count),
    })
  }

  /** A channel that ended while its node is still a member is opened again, this one only: others have their own moment. */
  #reopen(nodeId: string, reason: string): void {
    if (this.#isClosed || !this.#links.has(nodeId)) return
    this.#end(nodeId, reason)
    if (this.#lost.has(nodeId)) return
    this.#lost.add(nodeId)
    const tries = this.#inVain.get(nodeId) ?? 0
    this.#inVain.set(nodeId, tries + 1)
    const { member, node } = this.#host
    node.ports.clock.setTimer(
      () => {
        this.#lost.delete(nodeId)
        const info = member.view?.members.find((each) => each.nodeId === nodeId)
        if (info === undefined) this.#inVain.delete(nodeId)
        if (!this.#isClosed && info !== undefined && !this.#links.has(nodeId))
          this.#open(nodeId, info.address)
      },
      Math.min(REOPEN_AFTER_MS * 2 ** tries, REOPEN_AFTER_MS_MAX),
    )
  }

  #end(nodeId: string, reason: string): void {
    const entry = this.#links.get(nodeId)
    this.#links.delete(nodeId)
    if (entry !== undefined) failAll(entry.link, reason)
  }

  #endReplaced(entry: Entry, reason: string): void {
    if (!this.#replaced.delete(entry)) return
    failAll(entry.link, reason)
    entry.channel.close()
  }

  /** Reads a batch; says whether it was one. */
  #read(source: Source, bytes: Uint8Array): boolean {
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
    const { from, viewNo } = batch
    const { partition } = target
    this.#admit({ from, viewNo, partition, placeEpoch: message.placeEpoch }, call, batch.now)
  }

  /** Lets a call in, sends it back, or keeps it until it is clear which: then it is asked again. */
  #admit(arrival: LocatedArrival, call: PeerCall, now: number): void {
    const { node, member, router, whereabouts } = this.#host
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
    const lane = LANED_REQUESTS.has(message.operation) ? laneFrom(message.args) : 'high'
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
}

/** A link that was opened here. */
interface Entry {
  readonly link: PeerLink
  readonly channel: PeerChannel
  /** Opening: until its node has been greeted. Spared: its node is about to leave, and gets no calls. Ending: nothing more is sent through it, and another will take its place. */
  state: 'opening' | 'open' | 'spared' | 'ending'
}

function isStanding({ state }: Entry): boolean {
  return state === 'open' || state === 'spared'
}

/** What arrives through one channel. */
interface Source {
  readonly from: string
  readonly reader: Reader
  /** Set for channels that were opened here: outcomes come back through them. */
  readonly link?: PeerLink
  /** Set for channels that the other side has opened: only it calls through them. */
  readonly caller?: Caller
}

interface Caller {
  readonly answers: BatchWriter
  readonly acquaintances: Acquaintances
  readonly intake: Intake
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

/** Those whose answer says something of a lane. */
const LANED_REQUESTS: ReadonlySet<string> = new Set([SWEEP_REQUEST, CONFIRM_REQUEST])

/** Long enough not to spin on a node that is just dying, short against any lease. */
const REOPEN_AFTER_MS = 20
/** Between tries of a node that cannot be reached: it and its log are left in peace, and it is found soon when it can. */
const REOPEN_AFTER_MS_MAX = 320

const LEFT = 'the node has left the cluster'
const REPLACED = 'its key counts no more'

function failAll(link: PeerLink, reason: string): void {
  for (const waiting of link.takeAll()) waiting.fail(nodeLost(waiting, link.nodeId, reason))
}

function nodeLost(waiting: Waiting, nodeId: string, reason: string): EpicError {
  const what = waiting instanceof EntityCall ? waiting.toString() : 'a request'
  return new EpicError(
    'NodeLost',
    `Cannot know what became of ${what}: the link to node ${nodeId} ended (${reason})`,
  )
}
