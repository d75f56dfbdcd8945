/** A caller outside the cluster: one call at a time, sent again under the same id until it is answered. */
import type { SimCall } from './host.ts'
import type { World } from './world.ts'

/** Calls without end, until the world tells it to stop. */
export class SimCaller {
  readonly #world: World
  readonly #name: string
  #sequence = 0

  constructor(world: World, name: string) {
    this.#world = world
    this.#name = name
  }

  start(): void {
    const { random, schedule, ids } = this.#world
    schedule.after(random.between(5, 150), () => {
      if (!this.#world.isOpen) return
      this.call(random.pick(ids), random.chance(0.6) ? 'append' : 'read', () => this.start())
    })
  }

  /** One call, repeated until it is answered. */
  call(id: string, operation: SimCall['operation'], done: () => void): void {
    this.#sequence += 1
    const callId = `${this.#name}:${this.#sequence}`
    let isAnswered = false
    const send = (): void => {
      const { checker, links, random, schedule } = this.#world
      const isSaved = !this.#world.unsaved.includes(id)
      const atLeast = isSaved ? checker.lengthAcknowledged(id) : 0
      const reply = (length: number): void => {
        // The answer leaves its node now; whatever is acknowledged after this cannot be in it.
        schedule.after(random.between(0.1, 20), () => {
          if (isAnswered) return
          isAnswered = true
          if (operation === 'read') checker.handleRead(id, length, atLeast)
          else checker.handleAcknowledged(id, callId, isSaved ? length : 0)
          done()
        })
      }
      links.carry('outside', 'inside', () => {
        random.pick(this.#world.nodes).handleOutsideCall({ callId, id, operation, reply })
      })
      schedule.after(random.between(200, 1_500), () => {
        if (!isAnswered && this.#world.isAsking) send()
      })
    }
    send()
  }
}
