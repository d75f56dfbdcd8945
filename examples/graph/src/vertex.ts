/**
 * One page of the graph, as an entity.
 *
 * A superstep has two halves. First every vertex hands its rank out in equal shares along its links
 * (`scatter`), then every vertex makes its new rank of what it was given (`gather`). Between the
 * halves stands a barrier: all shares must have arrived. It needs no counters, because `receive` is
 * awaited: what a scatter that has ended sent out has been received.
 *
 * Durability is `manual`: a vertex is saved when it moves to another process or is put away, and not
 * after each superstep, which would cost more than computing everything again. The price is that a
 * killed process takes its vertices along. So each knows at which superstep it is, and one that
 * knows nothing any more is an error, not a page without links.
 */
import { Entity, settings, type Ref } from 'epicserver'

export class Vertex extends Entity {
  static override settings = settings<Vertex>({
    durability: 'manual',
    mailboxMax: 100_000, // all who link to a hub may call it at once
  })

  links: readonly Ref<Vertex>[] = []
  rank = 0
  received = 0
  superstep = -1

  async load(links: readonly Ref<Vertex>[], rank: number): Promise<void> {
    this.links = links
    this.rank = rank
    this.received = 0
    this.superstep = 0
  }

  /** Hands the rank out; returns what could not be, for want of links. */
  async scatter(superstep: number): Promise<number> {
    this.#expect(superstep)
    if (this.links.length === 0) return this.rank
    const share = this.rank / this.links.length
    await Promise.all(this.links.map((link) => link.receive(share)))
    return 0
  }

  async receive(share: number): Promise<void> {
    this.received += share
  }

  /**
   * Makes the new rank: `base` is what every page gets, `damping` the part of what it was given
   * that counts.
   */
  async gather(superstep: number, base: number, damping: number): Promise<number> {
    this.#expect(superstep)
    this.rank = base + damping * this.received
    this.received = 0
    this.superstep += 1
    return this.rank
  }

  #expect(superstep: number): void {
    if (this.superstep === superstep) return
    throw new Error(
      `Vertex ${this.id} is at superstep ${this.superstep}, not ${superstep}: its process ended, load it again`,
    )
  }
}
