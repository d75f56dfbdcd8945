/**
 * Signals that wait to be sent: at most one of each kind, so that a peer which asks and never reads cannot make them grow.
 *
 * A newer ping or pong replaces an older, credits of a lane are added up. A close is none of these: its owner writes it after
 * all else.
 */
import type { Carrier, Signal } from './carrier.ts'
import { RELIABLE_LANES } from './lane.ts'

const NONE = -1

export class SignalOutbox {
  #ping = NONE
  #pong = NONE
  readonly #credits: number[] = new Array<number>(RELIABLE_LANES).fill(0)
  #count = 0

  /** How many would be written now, at most. */
  get size(): number {
    return this.#count
  }

  put(signal: Exclude<Signal, { kind: 'close' }>): void {
    this.#count += 1
    if (signal.kind === 'ping') this.#ping = signal.id
    else if (signal.kind === 'pong') this.#pong = signal.id
    else this.#credits[signal.lane] = (this.#credits[signal.lane] ?? 0) + signal.cost
  }

  writeTo(carrier: Pick<Carrier<never>, 'writeSignal'>): void {
    if (this.#count === 0) return
    if (this.#ping !== NONE) carrier.writeSignal({ kind: 'ping', id: this.#ping })
    if (this.#pong !== NONE) carrier.writeSignal({ kind: 'pong', id: this.#pong })
    for (let lane = 0; lane < RELIABLE_LANES; lane += 1) {
      const cost = this.#credits[lane] ?? 0
      if (cost > 0) carrier.writeSignal({ kind: 'credit', lane, cost })
    }
    this.clear()
  }

  clear(): void {
    this.#ping = NONE
    this.#pong = NONE
    this.#credits.fill(0)
    this.#count = 0
  }
}
