/**
 * Tells other nodes how much this node's entities call theirs, so that either side of a talk knows of it: a node sees by itself only
 * what its own entities say.
 *
 * Once a round, one message to each node that is called, with the greatest talks only. What was heard is good for two rounds.
 */
import type { NodeId, Talk } from '@epicserver/fabric'
import type { EntityNode, NodeRequest } from '../node/node.ts'

const TALK = 'entity.talk'

/** Some fifty bytes each: what a node hears from another is bounded, whoever sends it. */
const TALKS_MAX = 1_000

/** One entity of the sender calls one of the receiver: `[caller, called, calls a second]`. */
type Told = readonly [caller: string, called: string, rate: number]

interface Heard {
  readonly at: number
  readonly talks: readonly Told[]
}

export class TalkExchange {
  readonly #node: EntityNode
  readonly #keepMs: number
  readonly #heard = new Map<NodeId, Heard>()

  constructor(node: EntityNode, roundMs: number) {
    this.#node = node
    this.#keepMs = 2 * roundMs
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return new Map([[TALK, (from, [talks]) => this.#handleTalk(from, talks)]])
  }

  /** Tells each node what the entities here say to those there. */
  tell(talks: readonly Talk[]): void {
    const { router } = this.#node.ports
    const byNode = new Map<NodeId, Told[]>()
    for (const { key, with: called, at, rate } of talks) {
      if (at === this.#node.nodeId) continue
      const told = byNode.get(at) ?? []
      told.push([key, called, rate])
      byNode.set(at, told)
    }
    for (const [nodeId, told] of byNode) {
      const greatest = told.toSorted((a, b) => b[2] - a[2]).slice(0, TALKS_MAX)
      router.linkTo?.(nodeId)?.tell(TALK, [greatest], (error) => {
        this.#node.log.debug('a node was not told of talk', { to: nodeId, error })
      })
    }
  }

  /** What the entities of other nodes say to those here. */
  heard(): Talk[] {
    const oldest = this.#node.ports.clock.monotonicMs() - this.#keepMs
    const talks: Talk[] = []
    for (const [from, { at, talks: told }] of this.#heard) {
      if (at < oldest) this.#heard.delete(from)
      else
        for (const [caller, called, rate] of told)
          talks.push({ key: called, with: caller, at: from, rate })
    }
    return talks
  }

  #handleTalk(from: NodeId, value: unknown): void {
    if (!Array.isArray(value)) return
    const talks = (value as unknown[]).slice(0, TALKS_MAX).filter((each) => isTold(each))
    this.#heard.set(from, { at: this.#node.ports.clock.monotonicMs(), talks })
  }
}

function isTold(value: unknown): value is Told {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [caller, called, rate] = value as readonly unknown[]
  const isNamed = typeof caller === 'string' && typeof called === 'string'
  return isNamed && typeof rate === 'number' && Number.isFinite(rate) && rate >= 0
}
