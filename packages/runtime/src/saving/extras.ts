/**
 * What is saved along with an entity's state, in the same write: what is known of the calls and of the tasks that it has had. Whoever
 * activates it next, here or elsewhere, then knows what the state holds already.
 */
import type { Activation } from '@epicserver/kernel'
import { restoreDedup, savedDedup } from '../node/idempotence.ts'
import type { NodeClock } from '../node/ports.ts'
import { restoreFirings, savedFirings } from '../tasks/task-firing.ts'

interface Extras {
  readonly calls: unknown
  readonly firings: unknown
}

/** What must be saved with the state as it is now; `null` where nothing has to. */
export function savedExtras(
  activation: Activation,
  clock: Pick<NodeClock, 'wallMs'>,
): Extras | null {
  const calls = savedDedup(activation)
  const firings = savedFirings(activation, clock)
  return calls === null && firings === null ? null : { calls, firings }
}

/** Takes what was saved with the state. */
export function restoreExtras(activation: Activation, saved: unknown): void {
  if (typeof saved !== 'object' || saved === null) return
  const { calls, firings } = saved as Partial<Extras>
  restoreDedup(activation, calls)
  restoreFirings(activation, firings)
}
