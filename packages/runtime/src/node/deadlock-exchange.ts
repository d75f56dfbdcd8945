/**
 * Finds deadlocks that lead over several nodes, while calls of this node have waited for locks for a while.
 *
 * Within one node a cycle is found at the moment it closes. Over nodes each one only sees its part; so a node on which a call
 * waits asks the others for theirs, twice in a row (`WaitExchange` says why), and fails the one call that all agree on.
 */
import { WaitExchange, type WaitEdge } from '@epicserver/kernel'
import type { EntityNode } from './node.ts'

const WAITS_REQUEST = 'waits'
/** Long enough that calls which wait for an ordinary turn are not looked at. */
const WAITING_MS = 50
const ANSWER_MS = 1000

interface Answer {
  readonly nodeId: string
  readonly edges: readonly WaitEdge[]
}

export class DeadlockExchange {
  readonly #node: EntityNode
  readonly #exchange = new WaitExchange()
  #isOpen = false

  constructor(node: EntityNode) {
    this.#node = node
    node.requests.set(WAITS_REQUEST, (): Answer => ({
      nodeId: node.nodeId,
      edges: node.kernel.waitEdges(0),
    }))
  }

  /** Called at each tick; begins an exchange where something has waited for long. */
  handleTick(): void {
    if (this.#isOpen || this.#node.kernel.counts.waitingForLocks === 0) return
    const own = this.#node.kernel.waitEdges(WAITING_MS)
    if (own.length === 0) return
    this.#isOpen = true
    void this.#hold(own)
  }

  async #hold(own: readonly WaitEdge[]): Promise<void> {
    const exchange = this.#exchange.begin(own)
    const answers = await this.#node.ports.router.askOthers(WAITS_REQUEST, [], ANSWER_MS)
    for (const answer of answers) {
      if (answer.status !== 'fulfilled') continue
      const { nodeId, edges } = answer.value as Answer
      this.#exchange.handleRemoteEdges({ nodeId, exchange, edges })
    }
    for (const deadlocked of this.#exchange.end()) this.#node.kernel.failDeadlocked(deadlocked)
    this.#isOpen = false
    this.#node.scheduleDrain()
  }
}
