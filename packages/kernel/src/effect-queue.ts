/**
 * What the driver has yet to do, in order. What concerned an activation that has ended meanwhile is
 * left out.
 */
import type { Effect } from './effects.ts'
import { Fifo } from './fifo.ts'

export class EffectQueue {
  readonly #effects = new Fifo<Effect>()

  push(effect: Effect): void {
    this.#effects.push(effect)
  }

  take(): Effect | undefined {
    let effect = this.#effects.take()
    while (effect !== undefined && !isMeant(effect)) effect = this.#effects.take()
    return effect
  }
}

function isMeant(effect: Effect): boolean {
  switch (effect.kind) {
    case 'fire': {
      const { state } = effect.timer.activation
      return state !== 'gone' && state !== 'sleeping'
    }
    case 'claim':
    case 'wake':
    case 'sleep':
      return effect.activation.state !== 'gone'
    default:
      return true
  }
}
