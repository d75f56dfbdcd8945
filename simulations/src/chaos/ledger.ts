/**
 * What the outside world knows of the counters: which increments it asked for, which were acknowledged with which value, and of which it
 * never heard. At the end the counters are read, and the ledger says what is wrong with them.
 *
 * An acknowledged value is a promise twice over: that the count never falls below it, and that no other increment was told the
 * same value.
 */

/** One increment to be asked for. */
export interface Increment {
  readonly counter: CounterPage
  readonly number: { readonly caller: string; readonly seq: number; readonly settledBelow: number }
}

export interface Findings {
  /** Increments that were acknowledged and are missing. */
  readonly lost: number
  /** Increments that happened more than once. */
  readonly doubled: number
  readonly acknowledged: number
  /** Increments of which nobody knows whether they happened. */
  readonly unknown: number
  /** One sentence for each counter that is wrong. */
  readonly problems: readonly string[]
}

/** One counter, as its callers know it. */
export class CounterPage {
  readonly type: 'Counter' | 'PlainCounter'
  readonly id: string
  readonly values = new Set<number>()
  /** Values that two increments were told. */
  repeatedValues = 0
  unknown = 0
  /** The process that told the last value. */
  pid: number | undefined
  #lastSeq = 0
  readonly #open = new Set<number>()

  constructor(type: 'Counter' | 'PlainCounter', id: string) {
    this.type = type
    this.id = id
  }

  get name(): string {
    return `${this.type}/${this.id}`
  }

  /** How many increments are under way. */
  get openCount(): number {
    return this.#open.size
  }

  begin(): Increment {
    this.#lastSeq += 1
    this.#open.add(this.#lastSeq)
    return {
      counter: this,
      number: {
        caller: `chaos-${this.id}`,
        seq: this.#lastSeq,
        settledBelow: Math.min(...this.#open),
      },
    }
  }

  acknowledge({ number }: Increment, count: number): void {
    this.#open.delete(number.seq)
    if (this.values.has(count)) this.repeatedValues += 1
    this.values.add(count)
  }

  /** It is not known whether the increment happened, and it will not be repeated. */
  giveUp({ number }: Increment): void {
    this.#open.delete(number.seq)
    this.unknown += 1
  }

  /** The increment certainly did not happen, and it will not be repeated. */
  refuse({ number }: Increment): void {
    this.#open.delete(number.seq)
  }

  get acknowledged(): number {
    return this.values.size + this.repeatedValues
  }
}

/** Compares what the counters say at the end with what was acknowledged. */
export function audit(
  pages: readonly CounterPage[],
  finals: ReadonlyMap<CounterPage, number>,
): Findings {
  const problems: string[] = []
  const sum = { lost: 0, doubled: 0, acknowledged: 0, unknown: 0 }
  for (const page of pages) {
    const final = finals.get(page)
    if (final === undefined) {
      problems.push(`${page.name} does not answer`)
      continue
    }
    const unknown = page.unknown + page.openCount
    const lost = Math.max(0, page.acknowledged - final)
    const doubled = Math.max(0, final - page.acknowledged - unknown)
    const above = [...page.values].filter((value) => value > final).length
    if (lost + doubled + above + page.repeatedValues > 0) {
      problems.push(
        `${page.name} holds ${final}: ${page.acknowledged} acknowledged, ${unknown} unknown, ${page.repeatedValues} told twice, ${above} above it`,
      )
    }
    sum.lost += Math.max(lost, above, page.repeatedValues)
    sum.doubled += doubled
    sum.acknowledged += page.acknowledged
    sum.unknown += unknown
  }
  return { ...sum, problems }
}
