/**
 * Messages of topics on their way to other nodes.
 *
 * A link that stands takes a message at once. Where none does, because it is just being opened or replaced or its node is leaving,
 * messages wait, in order, until one stands or the hearers' home is another: nothing that was sent is sent again, so nobody hears a
 * message twice. It is looked again now and then, and before each further message, which must not overtake those that wait.
 *
 * What it does not do: it does not wait for a node that cannot be reached. After a moment, or where too many wait, they are lost.
 */
import { EpicError } from '@epicserver/contracts'
import type { RefObject } from '../model/ref.ts'
import type { EntityNode } from '../node/node.ts'
import type { NodeLink } from '../node/ports.ts'

/** Hearers of one operation. */
export type Group = readonly [operation: string, hearers: readonly RefObject[]]

/** A message with those on one node who are to hear it. */
export interface Parcel {
  readonly topic: string
  readonly message: unknown
  readonly groups: readonly Group[]
}

export interface OutgoingParts {
  readonly node: EntityNode
  /** Sends it through a link. */
  readonly tell: (link: NodeLink, parcel: Parcel) => void
  /** Finds the homes of its hearers anew. */
  readonly bring: (parcel: Parcel) => void
  readonly lose: (parcel: Parcel, nodeId: string, error: EpicError) => void
}

/** Longer than a link takes to be replaced, or a node to leave in good order. */
const WAIT_MS_MAX = 5_000
/** As many as may wait for a topic itself. */
const WAITING_MAX = 10_000
const LOOK_EVERY_MS = 5

/** What waits for one node. */
interface Queue {
  readonly parcels: Parcel[]
  readonly until: number
}

export class Outgoing {
  readonly #parts: OutgoingParts
  readonly #queues = new Map<string, Queue>()
  #size = 0
  #isToLook = false

  constructor(parts: OutgoingParts) {
    this.#parts = parts
  }

  send(nodeId: string, parcel: Parcel): void {
    const link = this.#queues.has(nodeId) ? undefined : this.#linkTo(nodeId)
    if (link !== undefined) this.#parts.tell(link, parcel)
    else this.#keep(nodeId, parcel)
  }

  /** Something may have changed: what waits goes where it can. */
  look(): void {
    if (this.#size === 0) return
    const now = this.#now()
    for (const [nodeId, queue] of this.#queues) {
      const link = this.#linkTo(nodeId)
      const { tell, bring, lose } = this.#parts
      if (link !== undefined) this.#empty(nodeId, (parcel) => tell(link, parcel))
      else if (this.#homeOf(queue) !== nodeId) this.#empty(nodeId, bring)
      else if (now >= queue.until)
        this.#empty(nodeId, (parcel) => lose(parcel, nodeId, unreachable(nodeId)))
    }
  }

  #keep(nodeId: string, parcel: Parcel): void {
    if (this.#size >= WAITING_MAX) {
      this.#parts.lose(parcel, nodeId, crowded(nodeId, this.#size))
      return
    }
    const known = this.#queues.get(nodeId)
    const queue = known ?? { parcels: [], until: this.#now() + WAIT_MS_MAX }
    if (known === undefined) this.#queues.set(nodeId, queue)
    queue.parcels.push(parcel)
    this.#size += 1
    this.#lookSoon()
  }

  #empty(nodeId: string, send: (parcel: Parcel) => void): void {
    const parcels = this.#queues.get(nodeId)?.parcels ?? []
    // Before they are sent: they may have to wait again, for another node.
    this.#queues.delete(nodeId)
    this.#size -= parcels.length
    for (const parcel of parcels) send(parcel)
  }

  #lookSoon(): void {
    const { node } = this.#parts
    if (this.#isToLook) return
    this.#isToLook = true
    node.ports.clock.setTimer(() => {
      this.#isToLook = false
      if (node.isClosed) return
      this.look()
      if (this.#size > 0) this.#lookSoon()
    }, LOOK_EVERY_MS)
  }

  /** When a node goes, all that it had gets another home: the first hearer tells of all. */
  #homeOf({ parcels }: Queue): string | undefined {
    const [hearer] = parcels[0]?.groups[0]?.[1] ?? []
    return hearer && this.#parts.node.ports.router.homeOf?.(hearer)
  }

  #linkTo(nodeId: string): NodeLink | undefined {
    return this.#parts.node.ports.router.linkTo?.(nodeId)
  }

  #now(): number {
    return this.#parts.node.ports.clock.monotonicMs()
  }
}

function unreachable(nodeId: string): EpicError {
  return new EpicError('Unavailable', `Cannot reach node ${nodeId}: no link to it is open`)
}

function crowded(nodeId: string, waiting: number): EpicError {
  return new EpicError(
    'Overloaded',
    `Cannot send to node ${nodeId}: no link to it is open, and ${waiting} messages wait already`,
  )
}
