/** One class of entities on one node: its plan, and those of its entities that are in memory. */
import type { Activation } from './activation.ts'
import type { Call } from './call.ts'
import type { ClassPlan } from './plan.ts'

export class EntityType {
  readonly plan: ClassPlan
  readonly activations: Map<string, Activation> = new Map()
  /** By entity, the calls on their way from an activation that ended to the next, in order. */
  readonly redirects: Map<string, Call[]> = new Map()

  /** How many turns of its entities have begun. */
  turns = 0

  constructor(plan: ClassPlan) {
    this.plan = plan
  }
}
