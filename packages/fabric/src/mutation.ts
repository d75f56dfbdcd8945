/**
 * Rules of the protocol that a test may switch off, to prove that the simulator's checkers bite.
 * They are no options: production code never sets one.
 */
export type Mutation =
  /** Serves on after the deadline. */
  | 'noSelfFence'
  /** Counts the lease from the answer to a renewal rather than from its sending. */
  | 'deadlineFromResponse'
  /** Serves a partition without waiting for the others to install the view. */
  | 'noWedge'
  /** Answers "installed" before what was lost has stopped. */
  | 'installedBeforeStopped'
  /** Goes on waiting for members that a later view has dropped. */
  | 'waitsNotPruned'
  /** Believes a monotonic clock that stood still while the machine was suspended. */
  | 'clockStandsStill'
  /** Counts no suspension that is too short to fence for. */
  | 'shortGapsIgnored'
  /** Believes what an owner of before says of entities. */
  | 'termsIgnored'
  /** Owns a partition without asking what lives elsewhere. */
  | 'reportsIgnored'
  /** Activates on a grant that was not asked for now. */
  | 'lateGrantsTaken'
  /** Runs what was moved here before the owner has committed it. */
  | 'startsBeforeCommit'
  /** Goes on after a move that took too long, without asking how it ended. */
  | 'resumesUnasked'

/** No mutation: what every program runs with. */
export const NO_MUTATIONS: ReadonlySet<Mutation> = new Set()
