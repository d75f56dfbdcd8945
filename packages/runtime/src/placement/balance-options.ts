/** How eagerly a node looks whether its entities should live elsewhere. One number sets the pace. */
import { DEFAULT_LOCALITY, DEFAULT_REBALANCE } from '@epicserver/fabric'
import type { LocalityOptions, RebalanceOptions } from '@epicserver/fabric'

/** What may be said of it. */
export interface BalanceOptions {
  /** How often; 0 is never. */
  readonly everyMs?: number
  readonly rebalance?: Partial<RebalanceOptions>
  readonly locality?: Partial<LocalityOptions>
}

/** The same with every default filled in. */
export interface BalancePace {
  readonly everyMs: number
  /** How often loads are measured: some times between two rounds, so that each round sees what came of the last. */
  readonly measureEveryMs: number
  readonly rebalance: RebalanceOptions
  readonly locality: LocalityOptions
}

/** Slow enough that moving is never the load, quick enough that a player who changes rooms does not notice. */
const BALANCE_EVERY_MS = 5_000

const MEASUREMENTS_A_ROUND = 5
/** Loads are measured also where nothing is moved: new entities are placed by them. */
const MEASURE_EVERY_MS = 1_000

/** What has come stays so many rounds: for longer where it came for company, since that is no emergency. */
const REBALANCE_REST_ROUNDS = 2
const LOCALITY_REST_ROUNDS = 3

export function balancePace(options: BalanceOptions = {}): BalancePace {
  const { everyMs = BALANCE_EVERY_MS, rebalance, locality } = options
  return {
    everyMs,
    measureEveryMs: everyMs === 0 ? MEASURE_EVERY_MS : everyMs / MEASUREMENTS_A_ROUND,
    rebalance: {
      ...DEFAULT_REBALANCE,
      restMs: everyMs * REBALANCE_REST_ROUNDS,
      ...rebalance,
    },
    locality: { ...DEFAULT_LOCALITY, restMs: everyMs * LOCALITY_REST_ROUNDS, ...locality },
  }
}
