/** The rows of one walk in their order: an index's entries, or a type's entities. */
import type { Scan } from '@epicserver/contracts'
import { comparePlaces, decodePlace, encodePlace, placeOfBound } from './row-place.ts'
import type { RowPlace } from './row-place.ts'
import { SortedList } from './sorted-list.ts'

/** A row's place, and whose row it is. */
export interface ListedRow<T> extends RowPlace {
  readonly of: T
}

/** The bounds, direction and size of a page. */
export type PageScan = Pick<Scan, 'from' | 'to' | 'reverse' | 'after' | 'limit'>

export class RowList<T> {
  readonly #list = new SortedList<ListedRow<T>, RowPlace>(comparePlaces)
  readonly #isIndexed: boolean

  constructor(isIndexed: boolean) {
    this.#isIndexed = isIndexed
  }

  get items(): readonly ListedRow<T>[] {
    return this.#list.items
  }

  add(row: ListedRow<T>): void {
    this.#list.add(row)
  }

  delete(row: RowPlace): void {
    this.#list.delete(row)
  }

  /** Up to `limit` rows that are wanted, from where the page before ended. */
  page(
    scan: PageScan,
    isWanted: (of: T) => boolean,
  ): { rows: ListedRow<T>[]; next: Uint8Array | null } {
    const { low, high } = this.#range(scan)
    const rows: ListedRow<T>[] = []
    const step = scan.reverse === true ? -1 : 1
    const [first, end] = step === 1 ? [low, high] : [high - 1, low - 1]
    for (let i = first; step === 1 ? i < end : i > end; i += step) {
      const row = this.items[i] as ListedRow<T>
      if (!isWanted(row.of)) continue
      const last = rows.at(-1)
      if (rows.length === scan.limit && last !== undefined) return { rows, next: encodePlace(last) }
      rows.push(row)
    }
    return { rows, next: null }
  }

  /** Which items lie within the bounds and beyond the page before. */
  #range({ from, to, after, reverse }: PageScan): { low: number; high: number } {
    const low = from === undefined ? 0 : this.#placeOfBound(from)
    const high = to === undefined ? this.items.length : this.#placeOfBound(to)
    if (after === undefined) return { low, high }
    const last = decodePlace(after)
    if (reverse === true) return { low, high: Math.min(high, this.#list.placeOf(last)) }
    return { low: Math.max(low, this.#placeAfter(last)), high }
  }

  #placeOfBound(bound: Uint8Array): number {
    return this.#list.placeOf(placeOfBound(bound, this.#isIndexed))
  }

  #placeAfter(last: RowPlace): number {
    const place = this.#list.placeOf(last)
    const found = this.items[place]
    return found !== undefined && comparePlaces(found, last) === 0 ? place + 1 : place
  }
}
