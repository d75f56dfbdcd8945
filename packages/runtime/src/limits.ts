/** Limits and defaults of the runtime, each with its reason. */

export interface RuntimeLimits {
  /** Calls that one entity may hold, waiting and running; more means that it cannot keep up. */
  readonly mailboxMax: number
  /** How long an entity stays in memory unused. */
  readonly idleAfterMs: number
  /** How long a caller waits unless the operation says otherwise: longer than a machine's loss takes to heal. */
  readonly callTimeoutMs: number
  /** How long turns may run in one go before sockets and timers get theirs. */
  readonly sliceMs: number
  /** A turn that holds the thread longer than this is reported with its operation. */
  readonly slowTurnMs: number
  /** How often a node looks at deadlines while calls wait. */
  readonly tickMs: number
  /** How often it looks for idle entities otherwise. */
  readonly idleTickMs: number
  /** How long a stopping node waits for running turns. */
  readonly stopGraceMs: number
  /** How long a partition that goes to another node waits for running turns; what is busy longer goes on as a guest. */
  readonly handOverGraceMs: number
  /** How many entities a node moves at a time: each takes a few messages and, for a moment, its state twice. */
  readonly movesAtOnceMax: number
  /**
   * Moves that nobody waits for which a node begins in a second, where it has a processor to itself; where it has a quarter of one, a
   * quarter. The node that they all go to, and whoever calls meanwhile, have most of the machine.
   */
  readonly movesPerSecondMax: number
  /** A move whose entity is on its way for longer, where two milliseconds are enough, tells that its nodes are busy: fewer are moved at a time then. */
  readonly slowMoveMs: number
  /** How often a node that sends many entities away begins with some. */
  readonly moveEveryMs: number
  /** After how long an entity that could not be moved is tried again. */
  readonly moveAgainAfterMs: number
  /** Calls of a node that wait for an owner of their partition, as after the loss of another node. */
  readonly heldCallsMax: number
  /** What one lane to another node may hold that the other side has no room for: a second of a fast sender, so that callers notice. */
  readonly backlogBytesMax: number
  /** Changes of durable tasks that one entity may have unsaved: they are kept in memory, and go into one write. */
  readonly unsavedTasksMax: number
  /** How far ahead due tasks are read from the store, and how often it is asked. */
  readonly taskHorizonMs: number
}

export const RUNTIME_LIMITS: RuntimeLimits = {
  mailboxMax: 1024,
  idleAfterMs: 300_000,
  callTimeoutMs: 30_000,
  sliceMs: 8,
  slowTurnMs: 1000,
  tickMs: 100,
  idleTickMs: 1000,
  stopGraceMs: 10_000,
  handOverGraceMs: 100,
  movesAtOnceMax: 32,
  movesPerSecondMax: 500,
  slowMoveMs: 4,
  moveEveryMs: 10,
  moveAgainAfterMs: 1_000,
  heldCallsMax: 100_000,
  backlogBytesMax: 16 * 1024 * 1024,
  unsavedTasksMax: 1024,
  taskHorizonMs: 1000,
}
