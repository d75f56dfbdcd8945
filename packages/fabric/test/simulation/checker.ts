/**
 * The invariants of the protocol, watched from outside: it is told what happened, looks at every node after every event, and
 * throws at the first break. It trusts nothing that a member says about itself but whether it may serve.
 */
import type { View } from '@epicserver/fabric'

/** A broken invariant. */
export class Violation extends Error {
  readonly rule: string

  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`)
    this.name = 'Violation'
    this.rule = rule
  }
}

/** What the checker sees of a node. */
export interface Watched {
  readonly name: string
  readonly lease: string | undefined
  /** It runs (or could run on at once), and would serve if it were asked now. */
  readonly canServe: boolean
  readonly installedNo: number
  /** The ids of activations that execute here. */
  readonly active: Iterable<string>
}

/** An entity as it is saved, or as it was sent to be. */
export interface Saved {
  readonly version: number
  readonly log: readonly string[]
}

/** Watches one world. */
export class Checker {
  readonly #endedLeases = new Set<string>()
  readonly #views: View[] = []
  readonly #acknowledged = new Map<string, Set<string>>()
  readonly #acknowledgedLength = new Map<string, number>()
  #acknowledgedCount = 0
  #moves = 0

  /** How often an entity came to another node. */
  get moves(): number {
    return this.#moves
  }

  /** How many calls were answered. */
  get acknowledgedCount(): number {
    return this.#acknowledgedCount
  }

  /** The number of the newest view. */
  get viewNo(): number {
    return this.#views.length
  }

  handleLeaseEnded(id: string): void {
    this.#endedLeases.add(id)
  }

  handleLeaseUsed(id: string): void {
    if (this.#endedLeases.has(id))
      throw new Violation('I7', `lease ${id} worked again after its end`)
  }

  handleViewCommitted(view: View, wasAliveWhenListed: (nodeId: string) => boolean): void {
    if (view.viewNo !== this.#views.length + 1) {
      throw new Violation('I5', `view ${view.viewNo} follows view ${this.#views.length}`)
    }
    for (const { nodeId } of view.members) {
      if (wasAliveWhenListed(nodeId)) continue
      throw new Violation('I5', `view ${view.viewNo} has ${nodeId}, whose lease had ended`)
    }
    this.#views.push(view)
  }

  /** A node serves partitions that it got with view `epoch`. */
  handleGained(name: string, epoch: number, view: View, nodes: readonly Watched[]): void {
    const members = new Set(this.#views[epoch - 1]?.members.map((member) => member.nodeId))
    for (const { nodeId } of view.members) {
      const node = nodes.find(({ lease }) => lease === nodeId)
      if (!members.has(nodeId) || node === undefined || node.installedNo >= epoch) continue
      throw new Violation(
        'I6',
        `${name} serves by view ${epoch}, ${node.name} has installed ${node.installedNo}`,
      )
    }
  }

  handleClaim(id: string, stored: bigint, given: bigint): void {
    if (given < stored)
      throw new Violation('I2', `the epoch of ${id} fell from ${stored} to ${given}`)
  }

  handleWrite(id: string, epochs: { stored: bigint; given: bigint }, log: readonly string[]): void {
    if (epochs.given < epochs.stored) {
      throw new Violation('I2', `${id} was written under ${epochs.given} after ${epochs.stored}`)
    }
    const last = log.at(-1)
    if (last !== undefined && log.indexOf(last) !== log.length - 1) {
      throw new Violation('I3', `${last} was applied to ${id} twice`)
    }
  }

  handleAcknowledged(id: string, callId: string, length: number): void {
    this.#acknowledgedCount += 1
    const calls = this.#acknowledged.get(id) ?? new Set()
    this.#acknowledged.set(id, calls.add(callId))
    this.#acknowledgedLength.set(id, Math.max(length, this.#acknowledgedLength.get(id) ?? 0))
  }

  /** What a read of `id` that begins now must not fall below. */
  lengthAcknowledged(id: string): number {
    return this.#acknowledgedLength.get(id) ?? 0
  }

  handleRead(id: string, length: number, atLeast: number): void {
    this.#acknowledgedCount += 1
    if (length < atLeast)
      throw new Violation('I4', `a read of ${id} returned ${length} after ${atLeast}`)
  }

  /**
   * An entity begins at another node with the state that was sent. A first write whose answer was lost may still come to
   * the store, since a claim had nothing to raise (decision 4): such a copy is behind, and cannot write.
   */
  handleMoved(id: string, sent: Saved, stored: Saved): void {
    this.#moves += 1
    if (sent.version === 0 && stored.version > 0) return
    if (sent.version !== stored.version || sent.log.join() !== stored.log.join())
      throw new Violation('I11', `${id} was not moved as it was saved`)
  }

  /** After every event. */
  checkNodes(nodes: readonly Watched[]): void {
    const activeAt = new Map<string, string>()
    for (const node of nodes) {
      if (!node.canServe) continue
      if (node.lease !== undefined && this.#endedLeases.has(node.lease)) {
        throw new Violation('I8', `${node.name} serves although its lease has ended`)
      }
      for (const id of node.active) {
        const other = activeAt.get(id)
        if (other !== undefined)
          throw new Violation('I1', `${id} is active on ${other} and ${node.name}`)
        activeAt.set(id, node.name)
      }
    }
  }

  /** At the end: what was acknowledged is saved. */
  checkSaved(ids: readonly string[], logOf: (id: string) => readonly string[]): void {
    for (const id of ids) {
      const calls = this.#acknowledged.get(id) ?? []
      const log = new Set(logOf(id))
      for (const callId of calls) {
        if (!log.has(callId))
          throw new Violation('I3', `${callId} of ${id} was acknowledged and is lost`)
      }
    }
  }
}
