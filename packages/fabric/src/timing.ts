/**
 * How a member is set up, and the pace that follows from its lease's TTL.
 *
 * One number, the TTL, says how fast a cluster notices and acts; all other times are shares of it unless they are given.
 */
import { PARTITIONS } from '@epicserver/contracts'
import { assignPartitions } from './assignment.ts'
import type { Assign } from './assignment.ts'
import { ASKS_PER_TTL, BALANCES_PER_TTL, LOADS_PER_TTL, RETRIES_PER_TTL } from './limits.ts'
import { NO_MUTATIONS } from './mutation.ts'
import type { Mutation } from './mutation.ts'

/** What a member must be told. */
export interface MemberConfig {
  /** Where the other members reach it. */
  readonly address: string
  /** The machine's boot id, as it was when the process started. */
  readonly boot: string
  readonly appVersion: string
  readonly ttlMs: number
  /** A number from 0 up to 1, new at each call: spreads what would otherwise happen everywhere at once. */
  readonly random: () => number
  readonly zone?: string
  readonly labels?: readonly string[]
  /** Its share of the partitions against the others' weights: 1 by default. */
  readonly weight?: number
  readonly options?: Partial<MemberOptions>
  /** For tests of the tests only. */
  readonly mutations?: ReadonlySet<Mutation>
}

/** What a member may be told; each has a default. */
export interface MemberOptions {
  /** Put before the keys of all records; a cluster that shares its store with another has a prefix of its own. */
  readonly keyPrefix: string
  readonly partitions: number
  /** What moves as one: with a data folder of S shards, `(partition) => partition % S`. */
  readonly unit: (partition: number) => number
  readonly assign: Assign
  /** How many units may move in one view; by default an eighth of them. */
  readonly movesMax: number
  /** The first view of a cluster that starts waits for so many members, but not longer than `waitMs`. */
  readonly coldStart: { readonly members: number; readonly waitMs: number }
  /** Joins within this time go into one view. */
  readonly joinSettleMs: number
  /** The least time between two views that only move partitions. */
  readonly rebalanceEveryMs: number
  /** How long members that are not master wait before they propose in its place. */
  readonly fallbackMs: number
  /** The pause after a request that was certainly not done. */
  readonly retryMs: number
  /** How often records are listed although a watch runs. */
  readonly relistMs: number
  /** How often a missed "installed" is asked for. */
  readonly askEveryMs: number
  /** How often loads are told. */
  readonly loadEveryMs: number
  /**
   * When the cluster store cannot be reached past the deadline. `fence`: stop. `serve`: go on, so that two nodes may serve one
   * entity; then only the epochs in the state store protect what is saved, and reads may be stale.
   */
  readonly onEngineLoss: 'fence' | 'serve'
}

/** The options that a config leaves open, filled in. */
export function memberOptions(config: MemberConfig): MemberOptions {
  const { ttlMs, options = {} } = config
  const partitions = options.partitions ?? PARTITIONS
  const unit = options.unit ?? eachByItself
  return {
    keyPrefix: 'cluster/',
    partitions,
    unit,
    assign: assignPartitions,
    movesMax: defaultMovesMax(partitions, unit),
    coldStart: { members: 1, waitMs: 0 },
    joinSettleMs: ttlMs / RETRIES_PER_TTL,
    rebalanceEveryMs: ttlMs / BALANCES_PER_TTL,
    fallbackMs: ttlMs / 4,
    retryMs: ttlMs / RETRIES_PER_TTL,
    relistMs: ttlMs,
    askEveryMs: ttlMs / ASKS_PER_TTL,
    loadEveryMs: ttlMs / LOADS_PER_TTL,
    onEngineLoss: 'fence',
    ...options,
  }
}

/** The mutations of a config: none outside tests. */
export function memberMutations(config: MemberConfig): ReadonlySet<Mutation> {
  return config.mutations ?? NO_MUTATIONS
}

function eachByItself(partition: number): number {
  return partition
}

function defaultMovesMax(partitions: number, unit: (partition: number) => number): number {
  if (unit === eachByItself) return Math.ceil(partitions / 8)
  const units = new Set(Array.from({ length: partitions }, (_, partition) => unit(partition)))
  return Math.ceil(units.size / 8)
}
