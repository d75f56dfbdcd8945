/**
 * The links of one node to all others: opens a channel to each member of the view, and again where one ends, takes those that they
 * open, and replaces them. What arrives is for `reception.ts`.
 */
import { EpicError } from '@epicserver/contracts'
import type { PeerMessage, View } from '@epicserver/fabric'
import type { Reader } from '@epicserver/wire'
import { EntityCall } from '../node/entity-call.ts'
import { pause, within } from '../node/pause.ts'
import { BatchWriter } from './batch-writer.ts'
import { GREETING_REQUEST } from './farewells.ts'
import { Intake } from './intake.ts'
import { Acquaintances } from './introductions.ts'
import { PeerLink, type Waiting } from './peer-link.ts'
import { writeFabric } from './peer-messages.ts'
import type { PeerChannel, PeerChannelEvents, PeerNetwork } from './peer-network.ts'
import { Returns } from './returns.ts'
import { Reception, type PeerHost } from './reception.ts'

/** A link is open within milliseconds, unless its node is gone; then the next view says so within a lease. */
const OPENING_MS_MAX = 2_000
const LOOK_AGAIN_MS = 5
/** A round trip, also to a node that is busy. */
const GREETING_MS_MAX = 1_000

export class Peers {
  readonly #host: PeerHost
  readonly #network: PeerNetwork
  readonly #reception: Reception
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
  #sent = 0
  #isClosed = false

  constructor(host: PeerHost, network: PeerNetwork) {
    this.#host = host
    this.#network = network
    this.#reception = new Reception(host)
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

  /** All links through which something may have been sent that has not arrived: those that were replaced were swept. */
  get all(): readonly PeerLink[] {
    return [...this.#links.values()].map(({ link }) => link)
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
    return this.#sent + this.#reception.messages
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
        if (this.#reception.read(source, bytes)) return
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
        onMoved: (call, answer) => this.#reception.handleMoved(call, nodeId, answer),
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

  #accept(from: string, channel: PeerChannel): PeerChannelEvents {
    const answers = this.#batches(from, channel)
    const acquaintances = new Acquaintances(this.#host.node.refs)
    const intake = new Intake()
    const caller = { answers, acquaintances, intake, returns: new Returns() }
    const source = { from, reader: this.#newReader(), caller } as const
    this.#newest.get(from)?.close()
    this.#newest.set(from, channel)
    this.#intakes.set(from, intake)
    return {
      onBatch: (bytes) => {
        // What was not read of a channel when its node has opened another was given up there, and must not run behind that.
        if (this.#newest.get(from) !== channel || this.#reception.read(source, bytes)) return
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
      handleSent: (count) => (this.#sent += count),
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
