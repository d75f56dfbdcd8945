/**
 * A square of the world: who is here just now.
 *
 * Nothing of it is saved. A cell that was lost with its process is empty for a while, and fills
 * again with the agents' next steps. For the same reason it forgets agents that never said goodbye:
 * they were lost with theirs, and live on elsewhere.
 */
import { Entity, settings, type Ref } from 'epicserver'
import type { Agent } from './agent.ts'

/** Who has been here for so long has not moved, and is not here any more. */
const GONE_AFTER_MS = 30_000

export class Cell extends Entity {
  static override settings = settings<Cell>({
    persistent: false,
    operations: { leave: { oneWay: true } },
  })

  /** Who is here, and since when. */
  here = new Map<Ref<Agent>, number>()

  /** Comes in; returns someone who is here already. */
  async enter(agent: Ref<Agent>): Promise<Ref<Agent> | null> {
    this.here.delete(agent)
    const others = [...this.here.keys()]
    if (others.length === 0) this.timer.once('sweep', 'sweep', GONE_AFTER_MS)
    this.here.set(agent, this.now())
    return others[Math.floor(this.random() * others.length)] ?? null
  }

  leave(agent: Ref<Agent>): void {
    this.here.delete(agent)
  }

  async sweep(): Promise<void> {
    const goneBefore = this.now() - GONE_AFTER_MS
    for (const [agent, since] of this.here) if (since <= goneBefore) this.here.delete(agent)
    if (this.here.size > 0) this.timer.once('sweep', 'sweep', GONE_AFTER_MS)
  }
}
