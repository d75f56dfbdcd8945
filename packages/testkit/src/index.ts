/** Tests without I/O: one entity by script, or a whole cluster in simulation. */
export {
  converges,
  everyCallAnswered,
  leaseKept,
  noLeak,
  nothingAcknowledgedLost,
  orderPerPair,
  singleActivation,
} from './checkers/checks.ts'
export type { ClientOutcome } from './client-outcome.ts'
export { CRASH_POINTS } from './crash-points.ts'
export type { CrashPoint } from './crash-points.ts'
export { CLUSTER_FAULT_KINDS, drawFaults, FAULT_KINDS } from './faults.ts'
export type { FaultKind, FaultProfile } from './faults.ts'
export { CLOCK_ERROR_MS } from './limits.ts'
export { ref } from './script/detached-ref.ts'
export { ExpectationFailed } from './script/expectation-failed.ts'
export { script } from './script/script.ts'
export type { ScriptOptions } from './script/script.ts'
export type { LogLine } from './script/script-node.ts'
export type {
  ExpectedSave,
  SavedTask,
  ScriptedEntity,
  SetTimer,
  StateOf,
} from './script/scripted-entity.ts'
export type {
  ArgumentsOf,
  ErrorMatcher,
  ExpectedCall,
  ExpectedFile,
  Expectations,
  ReceivedCall,
  ResultOfOperation,
  ScriptedTurn,
} from './script/scripted-turn.ts'
export { SeededRandom } from './seeded-random.ts'
export { simulate, SimulationFailed } from './simulate.ts'
export type { SimulateOptions, SimulationResult } from './simulate.ts'
export type { SimulationMutation } from './simulation.ts'
export { Violation } from './violation.ts'
export type { Check, Duration, World } from './world.ts'
