/**
 * A list that is always in order: an array with binary search. Adding moves what comes after, which for the thousands of items
 * that a simulation holds is faster than keeping a tree.
 */

/** Below zero when `a` comes before `b`; zero only when they are the same item. */
export type Compare<T> = (a: T, b: T) => number

/** `K` is what places an item: the item itself, or less. */
export class SortedList<T extends K, K = T> {
  readonly #compare: Compare<K>
  readonly #items: T[] = []

  constructor(compare: Compare<K>) {
    this.#compare = compare
  }

  get items(): readonly T[] {
    return this.#items
  }

  /** Puts `item` in its place, over the same one if that is there. */
  add(item: T): void {
    const place = this.placeOf(item)
    const isThere = this.#isAt(place, item)
    this.#items.splice(place, isThere ? 1 : 0, item)
  }

  /** Takes the item away that is the same as `item`. */
  delete(item: K): void {
    const place = this.placeOf(item)
    if (this.#isAt(place, item)) this.#items.splice(place, 1)
  }

  /** How many items come before `item`. */
  placeOf(item: K): number {
    let low = 0
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#items[middle] as T, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #isAt(place: number, item: K): boolean {
    return place < this.#items.length && this.#compare(this.#items[place] as T, item) === 0
  }
}
