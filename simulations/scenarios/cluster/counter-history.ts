/**
 * Whether what clients were told of one counter could have been told by a counter that does one thing after the other, each at some
 * instant between its call and its answer: linearizability, decided exactly.
 *
 * An addition answers with the value that it made, so the answers themselves give the order; what is left to check is linear work.
 * No addition shares its value with another. What began after something was answered comes after it in that order. And each value
 * that no answer names was made by an addition of unknown outcome, one each, which was called before anybody saw that value or a later one.
 */

/** What a client asked of the counter, and what it was told. */
export interface CounterOperation {
  readonly kind: 'add' | 'read'
  readonly begunMs: number
  /** `Infinity` where nobody can say whether it was done. */
  readonly endedMs: number
  /** The value that it answered with: the counter after it. */
  readonly value?: number
}

interface Answered extends CounterOperation {
  readonly value: number
}

/** A sentence that says why no order explains the answers, or `undefined` where one does. */
export function whyNotLinearizable(operations: readonly CounterOperation[]): string | undefined {
  const answered = operations.filter((each): each is Answered => each.value !== undefined)
  return twice(answered) ?? outOfOrder(answered) ?? unexplained(operations, answered)
}

function twice(answered: readonly Answered[]): string | undefined {
  const seen = new Set<number>()
  for (const { kind, value } of answered) {
    if (kind === 'read') continue
    if (seen.has(value)) return `two additions answered ${value}`
    seen.add(value)
  }
  return undefined
}

function outOfOrder(answered: readonly Answered[]): string | undefined {
  const byEnd = answered.toSorted((a, b) => a.endedMs - b.endedMs)
  const byBegin = answered.toSorted((a, b) => a.begunMs - b.begunMs)
  let known = 0
  let next = 0
  for (const { kind, value, begunMs } of byBegin) {
    for (; (byEnd[next] as Answered).endedMs < begunMs; next += 1)
      known = Math.max(known, (byEnd[next] as Answered).value)
    const least = kind === 'add' ? known + 1 : known
    if (value < least) {
      return `${kind} at ${begunMs.toFixed(3)} answered ${value}, when ${known} had been answered`
    }
  }
  return undefined
}

function unexplained(
  operations: readonly CounterOperation[],
  answered: readonly Answered[],
): string | undefined {
  const made = new Set(answered.filter(({ kind }) => kind === 'add').map(({ value }) => value))
  const highest = answered.reduce((max, { value }) => Math.max(max, value), 0)
  const gaps = Array.from({ length: highest }, (_, i) => i + 1).filter((value) => !made.has(value))
  const unknown = operations
    .filter(({ kind, value }) => kind === 'add' && value === undefined)
    .toSorted((a, b) => a.begunMs - b.begunMs)
  for (const [index, gap] of gaps.entries()) {
    const seenMs = firstToSee(gap, answered)
    const maker = unknown[index]
    if (maker === undefined || maker.begunMs > seenMs) {
      return `${gap} was seen at ${seenMs.toFixed(3)}, and no addition can have made it`
    }
  }
  return undefined
}

/** When somebody was first told a value that holds this addition. */
function firstToSee(value: number, answered: readonly Answered[]): number {
  const seen = answered.filter((each) => each.value >= value).map(({ endedMs }) => endedMs)
  return Math.min(...seen)
}
