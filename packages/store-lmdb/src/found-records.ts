/**
 * What is found on disk, as users of the store see it: rows of a walk, and records that are damaged.
 *
 * Apart from the code that finds them, so that their declarations bring none of the `lmdb` package's: those do not compile in
 * an ES module unless the user skips the check of libraries.
 */
import type { EntityId, ScanRow } from '@epicserver/contracts'

/** A row, and where it stands on the walk. */
export interface WalkedRow {
  readonly place: Buffer
  readonly row: ScanRow
}

/** A record that was found damaged. */
export interface Damage {
  readonly entity: EntityId
  readonly problem: string
  /** What was found, as it lay on disk. */
  readonly bytes: Uint8Array
}

/** A copy that was set aside. */
export type QuarantinedRecord = Omit<Damage, 'problem'>
