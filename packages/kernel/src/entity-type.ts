/** One class of entities on one node: its plan, and those of its entities that are in memory. */
import type { Activation } from './activation.ts'
import type { ClassPlan } from './plan.ts'

export class EntityType {
  readonly plan: ClassPlan
  readonly activations: Map<string, Activation> = new Map()
  /** How many calls of each entity are on their way from an activation that ended to the next. */
  readonly redirects: Map<string, number> = new Map()

  constructor(plan: ClassPlan) {
    this.plan = plan
  }
}
