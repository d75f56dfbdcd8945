/**
 * Someone who lives in the world: walks about a home, and buys grain from whom it meets.
 *
 * Walking is not saved (`transient`), so a step costs the store nothing. Goods are saved, and every
 * message that tells of them waits until they are. A purchase changes two entities, and there is no
 * transaction over two; so it goes by written order:
 *
 * 1. The buyer lays coins aside and writes the order down, both in one write.
 * 2. The seller carries the order out or refuses it, and notes which, in one write. Asked again, it
 *    says the same again.
 * 3. The buyer hears it, and strikes the order off as it takes the grain, or the coins back, in one
 *    write.
 *
 * Whichever process ends at whichever moment, the order is still written down, and the next step
 * asks again.
 */
import { Entity, settings, type Ref } from 'epicserver'
import { Cell } from './cell.ts'

const STEP_MS = 5_000
const WAKE_MS = 60_000
const PRICE_MAX = 5

/** A purchase whose outcome the buyer does not know yet. */
export interface Order {
  readonly number: number
  readonly seller: Ref<Agent>
  readonly price: number
}

/** What a seller did for the last order of a buyer. */
export interface Sale {
  readonly number: number
  readonly isSold: boolean
}

export class Agent extends Entity {
  static override settings = settings<Agent>({
    autoCreate: false,
    transient: ['cell', 'isAwake'],
  })

  home = { x: 0, y: 0 }
  coins = 0
  grain = 0
  orders = 0
  order: Order | null = null
  /**
   * By buyer: no more than live in the 5 × 5 cells around home, because nobody else is ever met.
   */
  sales = new Map<Ref<Agent>, Sale>()

  cell: Ref<Cell> | null = null
  isAwake = false

  /**
   * Begins to walk. Timers end with the process; the task is saved, and begins anew wherever we
   * live then.
   */
  async live(): Promise<void> {
    if (this.isAwake) return
    this.isAwake = true
    this.task.set('live', { operation: 'live', everyMs: WAKE_MS })
    this.timer.set('step', 'step', { delayMs: this.random() * STEP_MS, intervalMs: STEP_MS })
  }

  /** Stands still, with no order open. */
  async rest(): Promise<void> {
    this.isAwake = false
    this.task.cancel('live')
    this.timer.cancel('step')
    await this.#settle()
  }

  /** Goes to a cell near home, and does business there. */
  async step(): Promise<void> {
    const self = this.ref(Agent, this.id)
    const next = this.ref(
      Cell,
      `${this.home.x + this.#below(3) - 1},${this.home.y + this.#below(3) - 1}`,
    )
    if (this.cell !== next) this.cell?.leave(self)
    this.cell = next
    const met = await next.enter(self)
    await this.#settle()
    if (met !== null && this.isAwake && this.coins > 0) await this.#buyFrom(met)
  }

  /** Carries an order out, once, however often it is asked. */
  async sell({ number, price }: Order, buyer: Ref<Agent>): Promise<boolean> {
    const last = this.sales.get(buyer)
    if (last !== undefined && last.number >= number) return last.isSold
    const isSold = this.grain > 0
    if (isSold) {
      this.grain -= 1
      this.coins += price
    }
    this.sales.set(buyer, { number, isSold })
    return isSold
  }

  /** No `await` before the order is written: nothing else of this agent can run in between. */
  async #buyFrom(seller: Ref<Agent>): Promise<void> {
    if (this.order !== null) return
    const price = 1 + this.#below(Math.min(PRICE_MAX, this.coins))
    this.orders += 1
    this.coins -= price
    this.order = { number: this.orders, seller, price }
    await this.#settle()
  }

  /** Asks what became of the open order. If that fails, it stays open. */
  async #settle(): Promise<void> {
    const { order } = this
    if (order === null) return
    const isSold = await order.seller.sell(order, this.ref(Agent, this.id))
    if (this.order !== order) return // settled meanwhile, by a step that ran beside this one
    this.order = null
    if (isSold) this.grain += 1
    else this.coins += order.price
  }

  #below(count: number): number {
    return Math.floor(this.random() * count)
  }
}
