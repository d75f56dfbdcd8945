/**
 * A node that stops in good order does not end before nothing is on its way to it any more, nor from it.
 *
 * When nothing runs there, it sweeps its own lanes, so that what it has sent has arrived, and says farewell to each other node. That one
 * sends it no call from then on, sweeps its lanes the other way, and answers when all that it had sent there has an outcome. Calls that
 * come this late are sent back, messages that nobody waits for too; they wait at their senders until the next view says where to go. So
 * nobody's call fails because a node has left, as long as it leaves in good order.
 *
 * A node that comes meanwhile *greets* each other one before it calls it: one that is leaving says so, and gets no call. Who was greeted
 * earlier says farewell to whoever has, also where its own link to that node has yet to open.
 *
 * It is a courtesy and no part of safety: a node that cannot answer in time is not waited for, nor one that is too old to know it.
 */
import type { EntityNode, NodeRequest } from '../node/node.ts'
import type { ClusterRouter } from './cluster-router.ts'
import { askInEachLane, SWEEP_REQUEST } from './lane-requests.ts'
import type { PeerLink } from './peer-link.ts'
import type { Peers } from './peers.ts'
import { pause, within } from '../node/pause.ts'

const FAREWELL_REQUEST = '@farewell'
/** Asked before the first call through a link: whether the other side is leaving. */
export const GREETING_REQUEST = '@greeting'

/** A few round trips, also between nodes that are busy. */
const FAREWELL_MS_MAX = 2_000
const LOOK_EVERY_MS = 5

export interface FarewellsParts {
  readonly node: EntityNode
  readonly router: ClusterRouter
  readonly peers: Peers
}

export class Farewells {
  readonly #parts: FarewellsParts
  #isLeaving = false

  constructor(parts: FarewellsParts) {
    this.#parts = parts
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return new Map<string, NodeRequest>([
      [SWEEP_REQUEST, () => this.#handleSweep()],
      [FAREWELL_REQUEST, (from) => this.#handleFarewell(from)],
      [GREETING_REQUEST, () => this.#isLeaving],
    ])
  }

  /** Says farewell to all; resolves when nothing is on its way here or from here, or after a while. Nothing may run here any more. */
  async sayAll(): Promise<void> {
    const { peers, node } = this.#parts
    this.#isLeaving = true
    const nodes = new Set([...peers.allStanding.map(({ nodeId }) => nodeId), ...peers.callers])
    const all = Promise.all([...nodes].map((nodeId) => this.#sayTo(nodeId)))
    await within(node.ports.clock, FAREWELL_MS_MAX, all)
  }

  async #sayTo(nodeId: string): Promise<void> {
    const link = await this.#linkTo(nodeId)
    if (link === undefined) return
    try {
      await sweep(link)
      await link.ask(FAREWELL_REQUEST, [], { timeLeftMs: FAREWELL_MS_MAX })
    } catch (error) {
      // Its link has ended, or it knows no farewells: there is nothing to wait for.
      this.#parts.node.log.debug('a node was left without farewell', { peer: link.nodeId, error })
    }
  }

  /** The link to a node that calls this one: it may have yet to open. */
  async #linkTo(nodeId: string): Promise<PeerLink | undefined> {
    const { peers } = this.#parts
    const until = this.#now() + FAREWELL_MS_MAX
    while (peers.standing(nodeId) === undefined && peers.isCaller(nodeId) && this.#now() < until)
      await this.#pause()
    return peers.standing(nodeId)
  }

  /** Another node leaves: what was sent to it comes to its end, and nothing more is sent. */
  async #handleFarewell(from: string): Promise<undefined> {
    const { peers } = this.#parts
    peers.spare(from)
    const link = peers.standing(from)
    if (link === undefined) return
    await sweep(link)
    const until = this.#now() + FAREWELL_MS_MAX
    while (link.size > 0 && peers.standing(from) === link && this.#now() < until)
      await this.#pause()
  }

  /** What waits here came before the sweep: in a node that leaves it goes back before that is answered. */
  #handleSweep(): undefined {
    if (this.#isLeaving) this.#parts.router.sendBackHeld()
  }

  #pause(): Promise<void> {
    const { clock } = this.#parts.node.ports
    return pause(clock, LOOK_EVERY_MS)
  }

  #now(): number {
    return this.#parts.node.ports.clock.monotonicMs()
  }
}

/** Resolves when all that was sent through a link has arrived. */
export async function sweep(link: PeerLink): Promise<void> {
  await Promise.all(askInEachLane(link, SWEEP_REQUEST, FAREWELL_MS_MAX))
}
