/** All scenarios, the one that runs unless another is asked for first. */
import { barrels } from '../scenarios/barrels.ts'
import { cluster } from '../scenarios/cluster.ts'
import { ground } from '../scenarios/ground.ts'
import { placement } from '../scenarios/placement.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { topics } from '../scenarios/topics.ts'

export const SCENARIOS: readonly Scenario[] = [ground, cluster, placement, topics, barrels]

export function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((each) => each.name === name)
  if (scenario === undefined) {
    const known = SCENARIOS.map((each) => each.name).join(', ')
    throw new RangeError(`There is no scenario "${name}"; there are ${known}`)
  }
  return scenario
}
