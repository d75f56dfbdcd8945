/**
 * I1: an entity executes in one place at a time.
 *
 * Asked at the start of each turn: no other process may hold a live activation of the same entity, unless it may not serve any
 * more by its own clock. The last process that ran the entity is the only one to look at: of any two that overlap, one started
 * a turn after the other.
 */
import type { Activation } from '@epicserver/kernel'
import type { EntityCall } from '@epicserver/runtime'
import type { Report, WatchedProcess, Watcher } from '../watcher.ts'

interface Place {
  readonly process: WatchedProcess
  readonly activation: Activation
}

export class SingleActivationWatch implements Watcher {
  readonly #report: Report
  readonly #places = new Map<string, Place>()

  constructor(report: Report) {
    this.#report = report
  }

  /** All entities that ever ran. */
  get entities(): Iterable<string> {
    return this.#places.keys()
  }

  turnStarted(process: WatchedProcess, call: EntityCall): void {
    const activation = call.activation as Activation
    if (activation.type.plan.durability === 'none') return
    const entity = call.ref.toString()
    const place = this.#places.get(entity)
    if (place?.activation === activation) return
    if (place !== undefined && isLive(place)) {
      this.#report(
        'singleActivation',
        `${entity} starts ${call.operation.name} on ${process.name} at epoch ${activation.epoch}, ` +
          `and is ${place.activation.state} on ${place.process.name} at epoch ${place.activation.epoch}`,
      )
    }
    this.#places.set(entity, { process, activation })
  }
}

/** One that is sealed for a move executes nothing; should it go on after all, its next turn is looked at again. */
function isLive({ process, activation }: Place): boolean {
  const isSealed = activation.state === 'moving' || activation.state === 'gone'
  return !isSealed && process.isAlive && process.canServe
}
