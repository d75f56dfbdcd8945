/**
 * All there is of an entity between two turns, as plain data: what a move sends from one node to the other.
 *
 * The record is the one that a store would get: the state, in the version of its class, with what is known of calls and of tasks
 * that fired. Beside it stands what no store keeps: whether the record is saved, tasks that were changed since, timers.
 * What waits for the entity is not in it: those calls follow by themselves.
 *
 * Private and transient fields stay behind, as when an entity is put away, and so do timers that were given a function.
 */
import type { TaskChange } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { EntityHost } from '../model/entity.ts'
import type { EntityNode } from '../node/node.ts'
import { peekResidue, residueOf } from '../node/residue.ts'

/** A timer that was set; one without end has `timesLeft` 0. */
interface SealedTimer {
  readonly key: string
  readonly operation: string
  readonly args: readonly unknown[]
  readonly intervalMs: number
  readonly timesLeft: number
  readonly dueInMs: number
}

export interface SealedEntity {
  /** Of the store, as the source saw it last. */
  readonly version: bigint
  /** `null` for an entity that was never created. */
  readonly record: Uint8Array | null
  readonly isUnsaved: boolean
  readonly isAbsent: boolean
  readonly isCreated: boolean
  readonly tasks: readonly TaskChange[]
  readonly timers: readonly SealedTimer[]
}

/**
 * Takes all there is of a sealed entity.
 * @throws EpicError `CannotSave` when its state holds what cannot be encoded
 */
export function sealEntity(node: EntityNode, activation: Activation): SealedEntity {
  const { tasks, isAbsent, isCreated } = peekResidue(activation)
  const isThere = activation.saved !== null || activation.type.plan.durability === 'none'
  return {
    version: activation.version,
    record: isThere ? node.durability.snapshot(activation) : null,
    isUnsaved: node.durability.isUnsaved(activation),
    isAbsent,
    isCreated,
    tasks,
    timers: timersOf(activation, node.ports.clock.monotonicMs()),
  }
}

/** Rebuilds a sealed entity in an activation that is claimed. */
export function unsealEntity(
  node: EntityNode,
  { activation, host, sealed }: { activation: Activation; host: EntityHost; sealed: SealedEntity },
): void {
  activation.version = sealed.version
  node.durability.load(activation, sealed.record, host)
  const residue = residueOf(activation)
  residue.isForced ||= sealed.isUnsaved
  residue.isAbsent = sealed.isAbsent
  residue.isCreated = sealed.isCreated
  residue.tasks = [...sealed.tasks]
}

/** Sets the timers of an entity that has moved in, in the order in which they were set. */
export function setTimersAgain(
  node: EntityNode,
  activation: Activation,
  sealed: SealedEntity,
): void {
  const now = node.ports.clock.monotonicMs()
  for (const { key, operation, args, intervalMs, timesLeft, dueInMs } of sealed.timers) {
    node.kernel.setTimer({
      activation,
      key,
      operation,
      args,
      closure: null,
      intervalMs,
      timesLeft: timesLeft === 0 ? Infinity : timesLeft,
      dueAt: now + dueInMs,
      order: 0,
      slot: null,
    })
    node.wakeAt(now + dueInMs)
  }
}

/** Whether what came from another node has the form of a sealed entity. */
export function isSealedEntity(value: unknown): value is SealedEntity {
  if (typeof value !== 'object' || value === null) return false
  const sealed = value as Partial<Record<keyof SealedEntity, unknown>>
  const { version, record, isUnsaved, isAbsent, isCreated, tasks, timers } = sealed
  return (
    typeof version === 'bigint' &&
    (record === null || record instanceof Uint8Array) &&
    [isUnsaved, isAbsent, isCreated].every((each) => typeof each === 'boolean') &&
    isListOf(tasks, isTaskChange) &&
    isListOf(timers, isTimer)
  )
}

function timersOf({ timers }: Activation, now: number): SealedTimer[] {
  return [...(timers?.values() ?? [])]
    .filter(({ closure }) => closure === null)
    .map(({ key, operation, args, intervalMs, timesLeft, dueAt }) => ({
      key,
      operation,
      args,
      intervalMs,
      timesLeft: timesLeft === Infinity ? 0 : timesLeft,
      dueInMs: Math.max(0, dueAt - now),
    }))
}

function isListOf(value: unknown, isOne: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every((each) => isOne(each))
}

function isTaskChange(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { kind, key, dueMs, body } = value as Record<string, unknown>
  if (typeof key !== 'string') return false
  return (
    kind === 'clear' || (kind === 'set' && typeof dueMs === 'number' && body instanceof Uint8Array)
  )
}

function isTimer(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { key, operation, args, intervalMs, timesLeft, dueInMs } = value as Record<string, unknown>
  const isNamed = typeof key === 'string' && typeof operation === 'string' && Array.isArray(args)
  return isNamed && [intervalMs, timesLeft, dueInMs].every((each) => Number.isFinite(each))
}
