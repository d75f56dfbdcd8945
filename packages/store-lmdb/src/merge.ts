/** Many ordered sequences as one: a heap of their heads, so that only what is asked for is read. */

interface Head<T> {
  item: T
  readonly rest: Iterator<T>
}

/** All items of the sequences, in order; each sequence is in order itself. */
export function* mergeInOrder<T>(
  sequences: readonly Iterable<T>[],
  compare: (a: T, b: T) => number,
): Generator<T> {
  const heap: Head<T>[] = []
  try {
    for (const sequence of sequences) {
      const rest = sequence[Symbol.iterator]()
      const first = rest.next()
      if (first.done !== true) heap.push({ item: first.value, rest })
    }
    heap.sort((a, b) => compare(a.item, b.item))
    for (;;) {
      const top = heap[0]
      if (top === undefined) return
      yield top.item
      const next = top.rest.next()
      if (next.done === true) replaceTop(heap)
      else top.item = next.value
      sinkTop(heap, compare)
    }
  } finally {
    for (const { rest } of heap) rest.return?.()
  }
}

/** Puts the last in the place of the first, which is done. */
function replaceTop<T>(heap: Head<T>[]): void {
  const last = heap.pop()
  if (last !== undefined && heap.length > 0) heap[0] = last
}

function sinkTop<T>(heap: Head<T>[], compare: (a: T, b: T) => number): void {
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    if (left >= heap.length) return
    const right = left + 1
    const isRight = right < heap.length && compare(heap[right]!.item, heap[left]!.item) < 0
    const child = isRight ? right : left
    const parent = heap[at]!
    if (compare(parent.item, heap[child]!.item) <= 0) return
    heap[at] = heap[child]!
    heap[child] = parent
    at = child
  }
}
