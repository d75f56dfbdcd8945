/**
 * A durable task that fires: from the call that its operation is, to the write that moves it on.
 *
 * The task is moved to its next time, or cleared, when its operation has ended, so that the write that saves what the operation
 * left saves that too; a crash before that write fires it again. Whoever reads tasks may be behind: the store's answer was under
 * way while the task fired, or another node had read it before its partition came here. So an entity remembers what it fired
 * last and takes the same time of a task once; that is saved with its state, since whoever is behind may find another activation.
 */
import type { Activation } from '@epicserver/kernel'
import type { NodeClock } from '../node/ports.ts'
import { peekResidue, residueOf } from '../node/residue.ts'
import type { DueTask } from './task-body.ts'

/** One time of a task. */
export interface Firing {
  readonly dueMs: number
  /** When its operation ended, by the wall clock; `null` while it runs. */
  endedMs: number | null
}

/** Old times are only asked for by whoever is behind, which is seconds at most. */
const FIRINGS_KEPT = 64

/** Whoever is behind by more has given up: it is longer than a look ahead, a lease, and the time that a call may take. */
const FIRING_SAVED_MS = 120_000

/** Says whether this time of the task has not been taken. */
export function beginFiring(activation: Activation, { key, dueMs }: DueTask): boolean {
  const { firings } = residueOf(activation)
  if (firings.get(key)?.dueMs === dueMs) return false
  firings.delete(key)
  firings.set(key, { dueMs, endedMs: null })
  for (const [old, { endedMs }] of firings) {
    if (firings.size <= FIRINGS_KEPT) break
    if (endedMs !== null) firings.delete(old)
  }
  return true
}

/** The operation has ended. Says whether the task moves on: not when the operation itself set or cancelled it. */
export function endFiring(
  activation: Activation,
  { key, dueMs }: DueTask,
  wallMs: number,
): boolean {
  const firing = residueOf(activation).firings.get(key)
  if (firing?.dueMs !== dueMs || firing.endedMs !== null) return false
  firing.endedMs = wallMs
  return true
}

/** The entity sets or cancels a task: whatever fired under this key is another one. */
export function forgetFiring(activation: Activation, key: string): void {
  residueOf(activation).firings.delete(key)
}

/** What must be saved with the state: the times that it holds the outcome of, and that somebody may still ask for. */
export function savedFirings(activation: Activation, clock: Pick<NodeClock, 'wallMs'>): unknown {
  const { firings } = peekResidue(activation)
  // Of most entities no task has fired, and each write asks.
  if (firings.size === 0) return null
  const wallMs = clock.wallMs()
  const saved: SavedFiring[] = []
  for (const [key, { dueMs, endedMs }] of firings) {
    if (endedMs !== null && wallMs - endedMs < FIRING_SAVED_MS) saved.push([key, dueMs, endedMs])
  }
  return saved.length === 0 ? null : saved
}

type SavedFiring = readonly [key: string, dueMs: number, endedMs: number]

export function restoreFirings(activation: Activation, saved: unknown): void {
  if (!Array.isArray(saved)) return
  const { firings } = residueOf(activation)
  for (const [key, dueMs, endedMs] of saved as SavedFiring[]) firings.set(key, { dueMs, endedMs })
}

/** Reads a task that came from another node. */
export function isDueTask(value: unknown): value is DueTask {
  if (typeof value !== 'object' || value === null) return false
  const { key, dueMs, operation, args, next, mustRun } = value as Partial<
    Record<keyof DueTask, unknown>
  >
  const isNamed = typeof key === 'string' && typeof operation === 'string'
  return (
    isNamed &&
    typeof dueMs === 'number' &&
    Array.isArray(args) &&
    typeof mustRun === 'boolean' &&
    isChangeOf(key, next)
  )
}

function isChangeOf(key: string, change: unknown): boolean {
  if (typeof change !== 'object' || change === null) return false
  const { kind, key: ofKey, dueMs, body } = change as Record<string, unknown>
  return (
    ofKey === key &&
    (kind === 'clear' ||
      (kind === 'set' && typeof dueMs === 'number' && body instanceof Uint8Array))
  )
}
