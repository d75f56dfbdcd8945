/**
 * Chooses the activations to put away: those idle for longer than their class allows and, when
 * memory is short, those that were used longest ago.
 *
 * It walks over the activations like the hand of a clock, a bounded number at a time, since keeping
 * them in order of use would cost every call something. Under pressure it puts away the older half
 * of what it just saw: an approximation of least-recently-used that never touches what was used
 * within the last second.
 */
import type { Activation } from './activation.ts'
import type { EntityType } from './entity-type.ts'

const FRESH_MS = 1000

export class IdleSweep {
  readonly #types: ReadonlyMap<string, EntityType>
  #hand: Iterator<Activation> | undefined

  constructor(types: ReadonlyMap<string, EntityType>) {
    this.#types = types
  }

  /** Looks at up to `count` activations and returns those to put away. */
  choose(count: number, now: number, excessBytes: number): Activation[] {
    const chosen: Activation[] = []
    const candidates: Activation[] = []
    for (let i = 0; i < count; i += 1) {
      const activation = this.#advance()
      if (activation === undefined) break
      if (!isIdle(activation)) continue
      if (isExpired(activation, now)) chosen.push(activation)
      else if (excessBytes > 0 && now - activation.usedAt >= FRESH_MS) candidates.push(activation)
    }
    candidates.sort((a, b) => a.usedAt - b.usedAt)
    let freed = chosen.reduce((sum, activation) => sum + activation.bytes, 0)
    for (const activation of candidates.slice(0, Math.ceil(candidates.length / 2))) {
      if (freed >= excessBytes) break
      freed += activation.bytes
      chosen.push(activation)
    }
    return chosen
  }

  #advance(): Activation | undefined {
    this.#hand ??= this.#walk()
    const step = this.#hand.next()
    if (step.done !== true) return step.value
    this.#hand = undefined
    return undefined
  }

  *#walk(): Generator<Activation, void> {
    for (const type of this.#types.values()) yield* type.activations.values()
  }
}

/** Whether nothing of the entity waits, runs, is held back or will fire. */
export function isIdle(activation: Activation): boolean {
  return (
    activation.state === 'active' &&
    activation.accepted === 0 &&
    (activation.gate === null || activation.gate.state === 'resting') &&
    activation.timers === null
  )
}

/** Whether an idle activation has been so for longer than its class keeps it. */
export function isExpired(activation: Activation, now: number): boolean {
  return now - activation.usedAt >= activation.type.plan.idleAfterMs
}
