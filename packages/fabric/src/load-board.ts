/**
 * How busy the members are, as far as this one knows: each tells the master, the master tells all.
 *
 * So a round costs two messages a member rather than one for each pair, and what was told before is not told again. Loads are hints for placement and rebalancing; a
 * board that is empty or old makes for worse choices, never for wrong ones.
 */
import type { NodeId, Outbox } from './effects.ts'
import type { Load } from './load.ts'
import type { LoadMessage } from './peer-message.ts'
import type { View } from './view.ts'

/** What a round needs to know. */
export interface LoadRound {
  readonly self: NodeId
  readonly masterId: NodeId | undefined
  readonly view: View
}

/** The loads of all members. */
export class LoadBoard {
  readonly #outbox: Outbox
  readonly #everyMs: number
  #own: Load | undefined
  #loads = new Map<NodeId, Load>()
  #nextAt = -Infinity
  /** Whether a load is known here that was not told yet. */
  #hasNews = false

  constructor(outbox: Outbox, everyMs: number) {
    this.#outbox = outbox
    this.#everyMs = everyMs
  }

  get wakeAtMs(): number {
    return this.#own !== undefined && this.#hasNews ? this.#nextAt : Infinity
  }

  /** The last known load of each member. */
  get all(): ReadonlyMap<NodeId, Load> {
    return this.#loads
  }

  /** The application measured this node's load; call it every second or so. */
  report(load: Load): void {
    this.#own = load
    this.#hasNews = true
  }

  handleMessage(from: NodeId, message: LoadMessage): void {
    if (message.kind === 'load') {
      this.#loads.set(from, message.load)
      this.#hasNews = true
    } else {
      this.#loads = new Map(message.loads)
    }
  }

  handleTick({ self, masterId, view }: LoadRound, now: number): void {
    if (this.#own === undefined || now < this.wakeAtMs) return
    this.#nextAt = now + this.#everyMs
    this.#hasNews = false
    this.#loads.set(self, this.#own)
    const ids = view.members.map(({ nodeId }) => nodeId)
    for (const nodeId of this.#loads.keys()) if (!ids.includes(nodeId)) this.#loads.delete(nodeId)
    const { viewNo } = view
    if (masterId === self) {
      const message: LoadMessage = { kind: 'loads', viewNo, loads: [...this.#loads] }
      for (const to of ids) if (to !== self) this.#outbox.push({ kind: 'sendPeer', to, message })
    } else if (masterId !== undefined) {
      const message: LoadMessage = { kind: 'load', viewNo, load: this.#own }
      this.#outbox.push({ kind: 'sendPeer', to: masterId, message })
    }
  }
}
