/**
 * Replaces links on which nodes have proved themselves by a secret that counts no more, without a call that fails for it.
 *
 * Nothing more is sent through the old link; sweeps see to it that all that was sent has arrived. Then the other side takes no calls from
 * it any more, a new link is opened, which the new secret proves, and what waited meanwhile, a few round trips, leaves through that. The
 * old one stays for the answers to what is still running there, and ends with the last, or after a while. Each side replaces the links
 * that it has opened, and asks the other to replace the others.
 *
 * What it does not do: it does not wait for a node that cannot prove the new secret. Its links end as well.
 */
import type { EntityNode, NodeRequest } from '../node/node.ts'
import { sweep } from './farewells.ts'
import type { PeerChannel } from './peer-network.ts'
import type { PeerLink } from './peer-link.ts'
import type { Peers } from './peers.ts'
import { pause, within } from '../node/pause.ts'

const RETIRE_REQUEST = '@retire'
const RENEW_REQUEST = '@renew'

/** How long the other side may take to say that all has arrived. */
const SWEPT_MS_MAX = 2_000
/** How long answers are waited for: as long as a call takes unless it says otherwise. */
const ANSWERS_MS_MAX = 30_000
const LOOK_EVERY_MS = 20

export interface RenewalsParts {
  readonly node: EntityNode
  readonly peers: Peers
}

export class Renewals {
  readonly #parts: RenewalsParts

  constructor(parts: RenewalsParts) {
    this.#parts = parts
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    const { peers } = this.#parts
    return new Map<string, NodeRequest>([
      [RETIRE_REQUEST, (from) => peers.retireCaller(from)],
      [RENEW_REQUEST, (from, [secretId]) => void this.renew(from, secretId)],
    ])
  }

  /** Replaces the link to a node, if it stands on this secret. */
  async renew(nodeId: string, secretId: unknown): Promise<void> {
    const { peers, node } = this.#parts
    const link = peers.beginReplacing(nodeId, secretId)
    if (link === undefined) return
    await within(node.ports.clock, SWEPT_MS_MAX, retire(link)).catch((error: unknown) =>
      node.log.debug('a link is replaced all at once', { peer: nodeId, error }),
    )
    peers.replace(link)
    const until = this.#now() + ANSWERS_MS_MAX
    while (link.size > 0 && this.#now() < until && !node.isClosed) await this.#pause()
    peers.endReplaced(link)
    node.log.info('a link was replaced, since its key counts no more', { peer: nodeId })
  }

  /** Another node calls through a channel that stands on such a secret. */
  handleStaleCaller(from: string, channel: PeerChannel): void {
    const { peers, node } = this.#parts
    // Where it cannot be asked it is told by the end of its channel.
    peers
      .to(from)
      ?.ask(RENEW_REQUEST, [channel.secretId], { timeLeftMs: SWEPT_MS_MAX })
      .catch((error: unknown) =>
        node.log.debug('a node cannot be asked to replace a link', { peer: from, error }),
      )
    node.ports.clock.setTimer(() => channel.close(), SWEPT_MS_MAX + ANSWERS_MS_MAX)
  }

  #pause(): Promise<void> {
    const { clock } = this.#parts.node.ports
    return pause(clock, LOOK_EVERY_MS)
  }

  #now(): number {
    return this.#parts.node.ports.clock.monotonicMs()
  }
}

/** All that was sent has arrived, and the other side takes nothing more from this link. */
async function retire(link: PeerLink): Promise<void> {
  await sweep(link)
  await link.ask(RETIRE_REQUEST, [], { timeLeftMs: SWEPT_MS_MAX })
}
