/** What several databases answer, as one answer. */
import type { IndexStatus, Scan, ScanPage } from '@epicserver/contracts'
import { comparePlaces, scanRowFrom, tokenOf } from './walk.ts'
import type { WalkRow } from './walk.ts'

/**
 * One page of the pages of several databases. A database that ended its page before its walk did may have more just behind its last row,
 * so nothing beyond the first such place counts yet.
 */
export function mergePages(scan: Scan, pages: readonly WalkPage[]): ScanPage {
  const compare = comparePlaces(scan)
  const ends = pages.flatMap(({ rows, isLast }) => (isLast ? [] : rows.slice(-1)))
  const [end] = ends.toSorted(compare)
  const within = (row: WalkRow): boolean => end === undefined || compare(row, end) <= 0
  const sorted = pages.flatMap(({ rows }) => rows).toSorted(compare)
  const rows = sorted.filter(within).slice(0, scan.limit)
  const last = rows.at(-1)
  const isWhole = end === undefined && rows.length === sorted.length
  return {
    rows: rows.map((row) => scanRowFrom(scan.type, row)),
    next: last === undefined || isWhole ? null : tokenOf(last),
  }
}

/** A page of one database, and whether its walk ends with it. */
export interface WalkPage {
  readonly rows: readonly WalkRow[]
  readonly isLast: boolean
}

/** An index that is not the same and ready in every database is still being built. */
export function mergeStatuses(lists: readonly (readonly IndexStatus[])[]): IndexStatus[] {
  const merged = new Map<string, IndexStatus[]>()
  for (const status of lists.flat()) {
    const name = `${status.type}\0${status.index}`
    merged.set(name, [...(merged.get(name) ?? []), status])
  }
  return [...merged.entries()]
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .flatMap(([, [first, ...others]]) => {
      if (first === undefined) return []
      const isSame = others.every(
        ({ definition, status }) => definition === first.definition && status === first.status,
      )
      const isEverywhere = isSame && others.length === lists.length - 1
      return isEverywhere ? [first] : [{ ...first, status: 'building' as const }]
    })
}
