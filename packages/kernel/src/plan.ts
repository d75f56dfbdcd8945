/**
 * What the kernel must know of a class and of its operations: the settings, with every default
 * filled in.
 */

/** Which queue a call waits in. A lane's calls never wait for those of a lower one for long. */
export type Priority = 'high' | 'normal' | 'low'

/**
 * What must not run beside an operation: nothing, other calls of the same operation, or any other
 * call of the entity.
 */
export type LockMode = 'none' | 'method' | 'entity'

/**
 * When a changed state is written: before anything reveals it, every so often, or only when asked
 * for.
 */
export type DurabilityMode = 'none' | 'acknowledged' | 'interval' | 'manual'

/** One operation of a class. */
export interface OperationPlan {
  readonly name: string
  readonly oneWay: boolean
  readonly priority: Priority
  readonly lock: LockMode
  readonly atomic: boolean
  readonly idempotent: boolean
  /**
   * Sheds before reliable calls do, and keeps only the newest of a kind where `coalesce` says so.
   */
  readonly unreliable: boolean
  readonly coalesce: boolean
  readonly timeoutMs: number
}

/** One class of entities. */
export interface ClassPlan {
  readonly name: string
  /** How many calls one entity may hold: waiting and running together. */
  readonly mailboxMax: number
  readonly idleAfterMs: number
  readonly durability: DurabilityMode
  readonly durabilityMs: number
  /**
   * Whether any operation of the class takes a lock: only then are running turns tracked one by
   * one.
   */
  readonly hasLocks: boolean
}
