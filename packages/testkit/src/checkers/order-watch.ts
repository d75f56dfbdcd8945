/**
 * I9: calls of one entity to another run in the order in which they were made, for each priority, and none runs twice.
 *
 * Left out are entities that take locks (a call of the chain that holds them may pass others, rightly) and calls from outside.
 * An idempotent call may start again after its activation was lost with what it did; so it must be in order within one
 * activation only.
 */
import type { Activation } from '@epicserver/kernel'
import type { EntityCall } from '@epicserver/runtime'
import type { Report, WatchedProcess, Watcher } from '../watcher.ts'

interface Pair {
  readonly name: string
  made: number
  /** The latest call that ran, whatever activation ran it. */
  ran: number
  /** The same for idempotent calls, of one activation. */
  ranIdempotent: number
  activation: Activation | null
}

interface Made {
  readonly pair: Pair | null
  readonly index: number
  hasRun: boolean
}

export class OrderWatch implements Watcher {
  readonly #report: Report
  readonly #pairs = new Map<string, Pair>()
  readonly #made = new Map<string, Made>()

  constructor(report: Report) {
    this.#report = report
  }

  callMade(process: WatchedProcess, call: EntityCall): void {
    if (call.trace === null) return
    const pair = this.#pairOf(process, call)
    if (pair !== null) pair.made += 1
    this.#made.set(call.trace, { pair, index: pair?.made ?? 0, hasRun: false })
  }

  turnStarted(process: WatchedProcess, call: EntityCall): void {
    const made = call.trace === null ? undefined : this.#made.get(call.trace)
    if (made === undefined) return
    const isIdempotent = call.number !== null
    if (made.hasRun && !isIdempotent) {
      this.#report('orderPerPair', `${nameOf(call)} runs a second time, on ${process.name}`)
    }
    made.hasRun = true
    const activation = call.activation as Activation
    if (made.pair === null || activation.type.plan.hasLocks) return
    if (isIdempotent) this.#checkIdempotent(made.pair, made.index, call)
    else this.#check(made.pair, made.index, call)
  }

  #check(pair: Pair, index: number, call: EntityCall): void {
    if (index < pair.ran) {
      this.#report(
        'orderPerPair',
        `call ${index} of ${pair.name}, ${nameOf(call)}, runs after call ${pair.ran}`,
      )
    }
    pair.ran = Math.max(pair.ran, index)
  }

  #checkIdempotent(pair: Pair, index: number, call: EntityCall): void {
    if (pair.activation !== call.activation) pair.ranIdempotent = 0
    pair.activation = call.activation
    if (index < pair.ranIdempotent) {
      this.#report(
        'orderPerPair',
        `call ${index} of ${pair.name}, ${nameOf(call)}, runs after call ${pair.ranIdempotent}`,
      )
    }
    pair.ranIdempotent = Math.max(pair.ranIdempotent, index)
  }

  #pairOf(process: WatchedProcess, call: EntityCall): Pair | null {
    const caller = call.parent?.activation
    if (caller === null || caller === undefined) return null
    const from = `${caller.type.plan.name}/${caller.id}`
    const name = `${from} to ${call.ref.toString()}, ${call.operation.priority}`
    const key = `${process.name} ${caller.epoch} ${name}`
    const known = this.#pairs.get(key)
    if (known !== undefined) return known
    const pair: Pair = { name, made: 0, ran: 0, ranIdempotent: 0, activation: null }
    this.#pairs.set(key, pair)
    return pair
  }
}

function nameOf(call: EntityCall): string {
  return `${call.ref.toString()}.${call.operation.name} (${call.trace ?? 'no name'})`
}
