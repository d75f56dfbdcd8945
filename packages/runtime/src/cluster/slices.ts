/** Does something for each of very many without keeping the node from anything else for long: a slice at a time. */
import type { NodeClock } from '../node/ports.ts'
import { pause } from '../node/pause.ts'

/** How long a slice keeps calls waiting. */
const SLICE_MS = 2

export interface SliceOptions {
  readonly clock: Pick<NodeClock, 'monotonicMs' | 'setTimer'>
  /** How many are visited between two looks at the clock: fewer where a visit costs more. */
  readonly visitsBetweenLooks: number
}

/** Resolves when all have been visited. Between two visits anything may have happened. */
export async function inSlices<T>(
  items: Iterable<T>,
  { clock, visitsBetweenLooks }: SliceOptions,
  visit: (item: T) => void,
): Promise<void> {
  let sliceEndsAt = clock.monotonicMs() + SLICE_MS
  let visits = 0
  for (const item of items) {
    visit(item)
    visits += 1
    if (visits % visitsBetweenLooks !== 0 || clock.monotonicMs() < sliceEndsAt) continue
    await pause(clock, 0)
    sliceEndsAt = clock.monotonicMs() + SLICE_MS
  }
}
