/**
 * Moves many entities away at a bounded pace: those that a hand-over left behind as guests, to their new homes; and when the node
 * drains, every guest there is.
 *
 * Each goes by itself: one that finds no quiet moment holds up none, and is tried again later. So many are under way at a
 * time, and no more, that calls and other nodes hardly notice (`MovePace`), and so many begin in a second, by the part of the
 * machine's processors that falls to the node: moves may find much idle time, but who calls into their bursts waits. A node that drains is
 * waited for: it begins with as many as it can, and goes on with some however busy all are.
 */
import { parseEntityId } from '@epicserver/contracts'
import {
  choosePlace,
  memberOf,
  type ClusterMember,
  type EntityKey,
  type NodeId,
  type Resident,
} from '@epicserver/fabric'
import type { Placement } from '../model/settings.ts'
import type { EntityNode } from '../node/node.ts'
import type { Pending } from '../node/ports.ts'
import type { Companions } from '../placement/companions.ts'
import { Allowance } from './allowance.ts'
import { MovePace } from './move-pace.ts'
import type { Residence } from './residence.ts'

export interface EvacuationParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly residence: Residence
  readonly companions: Companions
  /** How many processors the node's machine has. */
  readonly processors: number
}

/** How many have gone, and how many are left. */
export interface EvacuationCounts {
  readonly moved: number
  readonly left: number
}

/** Under way at least while somebody waits for the node to be empty. */
const AT_ONCE_DRAINING = 8
/** A node that drains and is empty looks so much less often for guests that were on their way to it. */
const STRETCH_EMPTY = 10

export class Evacuation {
  readonly #parts: EvacuationParts
  readonly #pace: MovePace
  readonly #allowance: Allowance
  /** Guests that are to go home, with the instant before which they are not tried again. */
  readonly #homeward = new Map<EntityKey, number>()
  #isDraining = false
  /** When a node that drains looks again for guests that came since. */
  #looksAt = 0
  #underWay = 0
  #moved = 0
  #next: Pending | undefined
  #nextAt = 0

  constructor(parts: EvacuationParts) {
    this.#parts = parts
    const { movesAtOnceMax, movesPerSecondMax, slowMoveMs, moveEveryMs } = parts.node.limits
    this.#pace = new MovePace({ atOnceMax: movesAtOnceMax, slowMs: slowMoveMs })
    this.#allowance = new Allowance({
      perSecond: () => movesPerSecondMax * this.#processorsOfOne(),
      keptMs: 2 * moveEveryMs,
    })
  }

  get counts(): EvacuationCounts {
    return { moved: this.#moved, left: this.#homeward.size }
  }

  /** These live here as guests since their partition went to another node: those that belong at home follow it. */
  sendHome(guests: readonly Resident[]): void {
    for (const { key } of guests) if (this.#placementOf(key) === 'hash') this.#homeward.set(key, 0)
    if (this.#homeward.size > 0) this.#arm(0)
  }

  /** From now on every guest is to go, until `stop`. */
  start(): void {
    this.#isDraining = true
    this.#looksAt = 0
    this.#arm(0)
  }

  /** Guests may stay again; those that were on their way home still go. */
  stop(): void {
    this.#isDraining = false
  }

  /** The next round comes in its turn, unless nothing can be done before a later instant. */
  #arm(at: number): void {
    const { limits, ports } = this.#parts.node
    const stretch = this.#isDraining ? 1 : this.#pace.stretch
    const now = ports.clock.monotonicMs()
    const nextAt = Math.max(at, now + limits.moveEveryMs * stretch)
    if (this.#next !== undefined && this.#nextAt <= nextAt) return
    this.#next?.cancel()
    this.#nextAt = nextAt
    this.#next = ports.clock.setTimer(() => {
      this.#next = undefined
      this.#round()
    }, nextAt - now)
  }

  #round(): void {
    const { node } = this.#parts
    if (node.isClosed) return
    const now = node.ports.clock.monotonicMs()
    if (this.#isDraining && (this.#homeward.size === 0 || now >= this.#looksAt)) this.#look(now)
    const atOnce = Math.max(this.#pace.atOnce, this.#isDraining ? AT_ONCE_DRAINING : 1)
    for (const [key, notBefore] of this.#homeward) {
      if (this.#underWay >= atOnce) break
      if (now < notBefore) continue
      if (!this.#isDraining && !this.#allowance.take(now)) break
      this.#send(key, now)
    }
    if (this.#isDraining || this.#homeward.size > 0) this.#arm(this.#nextTry(now))
  }

  /** The part of a processor that falls to each node of this machine. */
  #processorsOfOne(): number {
    const { member, processors } = this.#parts
    const { view, nodeId } = member
    const boot = view?.members.find((each) => each.nodeId === nodeId)?.boot
    const nodes = view?.members.filter((each) => each.boot === boot).length ?? 1
    return Math.min(1, processors / Math.max(1, nodes))
  }

  /** When the first of those that are left may go. */
  #nextTry(now: number): number {
    if (this.#homeward.size === 0) return now + this.#parts.node.limits.moveEveryMs * STRETCH_EMPTY
    let at = this.#isDraining ? this.#looksAt : Infinity
    for (const notBefore of this.#homeward.values()) {
      if (notBefore <= now) return now
      at = Math.min(at, notBefore)
    }
    return at
  }

  /** Guests may be very many: those that came since the last look, as by moves that were under way, are looked for now and then. */
  #look(now: number): void {
    const { member, node } = this.#parts
    this.#looksAt = now + node.limits.moveAgainAfterMs
    for (const { key } of member.residents.guests)
      if (!this.#homeward.has(key)) this.#homeward.set(key, 0)
  }

  #send(key: EntityKey, now: number): void {
    const { member, residence, companions, node } = this.#parts
    const guest = member.residents.guest(key)
    if (guest === undefined) {
      this.#homeward.delete(key)
      return
    }
    const activation = residence.find(key)
    const target = this.#targetOf(guest)
    this.#homeward.set(key, now + node.limits.moveAgainAfterMs)
    if (activation?.state !== 'active' || target === undefined || residence.departures.has(key))
      return
    // It is taken along when that has gone.
    if (companions.isLed(activation)) return
    this.#underWay += 1
    void residence.departures.begin(key, activation, target).then((outcome) => {
      this.#underWay -= 1
      if (outcome.status !== 'moved') return
      const { transferMs } = outcome
      this.#pace.handleMoved({ begunAt: now, transferMs }, node.ports.clock.monotonicMs())
      this.#moved += 1
      this.#homeward.delete(key)
    })
  }

  /** A node with its label, where its class asks for one; else its home where that can have it; else whoever is less busy. */
  #targetOf({ key, partition }: Resident): NodeId | undefined {
    const { member, node } = this.#parts
    const { view } = member
    const owner = member.ownerOf(partition)
    if (view === undefined) return undefined
    const placement = this.#placementOf(key)
    const isLabelled = typeof placement === 'object' && 'label' in placement
    const canHost = owner !== undefined && memberOf(view, owner)?.state === 'active'
    const policy = isLabelled ? placement : canHost ? 'hash' : 'load'
    const target = choosePlace(
      { key, partition, policy, caller: node.nodeId },
      { view, loads: member.loads.all },
    )
    return target === node.nodeId ? undefined : target
  }

  #placementOf(key: EntityKey): Placement {
    return this.#parts.node.description(parseEntityId(key).type).placement
  }
}
