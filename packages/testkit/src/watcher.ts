/**
 * What a checker sees while a simulation runs. It is told at the instant at which something happens, by living processes only, and
 * believes nothing that a process says of itself but whether it may still serve.
 */
import type { Claimed, EntityId, Guard, Write } from '@epicserver/contracts'
import type { Activation, Held } from '@epicserver/kernel'
import type { EntityCall, EntityNode } from '@epicserver/runtime'

/** A process as the checkers see it. */
export interface WatchedProcess {
  /** Host and number of start: `n1#2`. */
  readonly name: string
  readonly isAlive: boolean
  /** It could run a turn at this instant, if it were asked. */
  readonly canServe: boolean
  /** Its own monotonic clock. */
  readonly nowMs: number
  readonly node: EntityNode | undefined
}

/** What a watcher is told; it leaves out what it does not need. */
export interface Watcher {
  callMade?(process: WatchedProcess, call: EntityCall): void
  callSettled?(process: WatchedProcess, call: EntityCall): void
  turnStarted?(process: WatchedProcess, call: EntityCall): void
  turnEnded?(process: WatchedProcess, call: EntityCall): void
  released?(process: WatchedProcess, activation: Activation, held: Held): void
  /** `atLeast` was said to be durable when the claim was made. */
  claimed?(process: WatchedProcess, entity: EntityId, claimed: Claimed, atLeast: bigint): void
  /** The process may be the owner who writes for a guest of another. */
  writeBegun?(process: WatchedProcess, entity: EntityId, write: Write, guard: Guard): void
  written?(process: WatchedProcess, entity: EntityId, version: bigint, guard: Guard): void
  removed?(process: WatchedProcess, entity: EntityId): void
  processEnded?(process: WatchedProcess): void
}

/** Where a watcher reports what must not be. */
export type Report = (rule: string, message: string) => void
