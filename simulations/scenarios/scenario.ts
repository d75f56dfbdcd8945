/** A scenario: an app, what clients do to it, and what must hold; run from one seed. */
import type { SimulationMutation, SimulationResult } from '@epicserver/testkit'

export interface RunOptions {
  readonly seed: number
  readonly mutations: readonly SimulationMutation[]
  readonly print?: (line: string) => void
  /** Whether a failure can tell what led to it; true by default. */
  readonly isTraced?: boolean
}

export interface Scenario {
  readonly name: string
  readonly summary: string
  /** @throws SimulationFailed */
  run(options: RunOptions): Promise<SimulationResult>
}

/** The command that runs one seed again. */
export function replayCommand(scenario: string, seed: number): string {
  const choice = scenario === 'ground' ? '' : ` --scenario ${scenario}`
  return `npm run simulate -- --seeds 1 --from ${seed}${choice}`
}
