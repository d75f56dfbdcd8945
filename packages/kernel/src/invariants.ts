/**
 * What must hold of a kernel between any two events; tests and simulations ask after each.
 *
 * Counters equal what the tables hold, no call is in two places, what is queued may run, nothing
 * waits that could start, locks exclude, and nothing hangs on an activation that its state does not
 * allow.
 */
import { nameOfEntity, type Activation } from './activation.ts'
import type { Call } from './call.ts'
import { nameOf } from './deadlock.ts'
import type { EntityType } from './entity-type.ts'
import type { KernelCounts } from './kernel-counts.ts'
import { conflicts, isAbove, isBlocked, isReentrant } from './locks.ts'
import type { Mailboxes } from './mailboxes.ts'

/** What is checked. */
export interface KernelTables {
  readonly types: ReadonlyMap<string, EntityType>
  readonly mailboxes: Mailboxes
  readonly counts: KernelCounts
  readonly leavingBytes: number
  readonly redirects: number
  readonly deadlines: number
}

/** @throws Error that names the first thing found wrong. */
export function assertKernelInvariants(tables: KernelTables): void {
  const { counts, mailboxes } = tables
  const queued = assertQueued(tables)
  const sums = { activations: 0, bytes: 0, leavingBytes: 0, timers: 0, waiting: 0, redirects: 0 }
  const sentWaiting = countSentWaiting(tables)
  for (const type of tables.types.values()) {
    for (const calls of type.redirects.values()) sums.redirects += calls.length
    for (const [id, activation] of type.activations) {
      holds(activation.id === id, activation, 'is kept under another id')
      assertCalls(activation, queued.get(activation) ?? 0, mailboxes)
      if (type.plan.hasLocks) assertLocks(activation)
      assertParts(activation)
      const sent = sentWaiting.get(activation) ?? 0
      equal(activation.sentWaiting, sent, `calls of ${nameOfEntity(activation)} that wait`)
      sums.activations += 1
      sums.bytes += activation.bytes
      if (activation.state === 'sleeping') sums.leavingBytes += activation.bytes
      if (type.plan.hasLocks) sums.waiting += activation.waiting?.length ?? 0
      if (activation.state !== 'moving') sums.timers += activation.timers?.size ?? 0
    }
  }
  equal(counts.activations, sums.activations, 'activations')
  equal(counts.activationBytes, sums.bytes, 'bytes of activations')
  equal(tables.leavingBytes, sums.leavingBytes, 'bytes of activations that are put away')
  equal(counts.timers, sums.timers, 'timers')
  equal(counts.waitingForLocks, sums.waiting, 'calls waiting in classes with locks')
  equal(tables.redirects, sums.redirects, 'redirects')
  if (tables.deadlines > counts.pendingCalls) {
    throw new Error(
      `${tables.deadlines} deadlines are watched for ${counts.pendingCalls} expected calls`,
    )
  }
}

/** Counts what waits in mailboxes, by the entity that has sent it. */
function countSentWaiting({ types }: KernelTables): Map<Activation, number> {
  const counts = new Map<Activation, number>()
  for (const { activations } of types.values()) {
    for (const activation of activations.values()) {
      for (const { parent } of activation.waiting ?? []) {
        const sender = parent?.activation ?? null
        if (sender === null || sender === activation) continue
        counts.set(sender, (counts.get(sender) ?? 0) + 1)
      }
    }
  }
  return counts
}

/** Checks the run queue, and counts its calls by activation. */
function assertQueued({ mailboxes, types }: KernelTables): Map<Activation, number> {
  const queued = new Map<Activation, number>()
  const seen = new Set<Call>()
  for (const call of mailboxes.runnable) {
    const activation = call.activation as Activation
    if (seen.has(call)) throw new Error(`${nameOf(call)} is queued twice`)
    seen.add(call)
    holds(
      call.status === 'queued',
      activation,
      `has ${nameOf(call)} queued, whose status is ${call.status}`,
    )
    holds(
      activation.state === 'active' || activation.state === 'draining',
      activation,
      `is ${activation.state} and has ${nameOf(call)} queued`,
    )
    holds(
      types.get(activation.type.plan.name)?.activations.get(activation.id) === activation,
      activation,
      'has calls queued and is not in its table',
    )
    queued.set(activation, (queued.get(activation) ?? 0) + 1)
  }
  return queued
}

function assertCalls(activation: Activation, queued: number, mailboxes: Mailboxes): void {
  const { accepted, running, state, type, waiting } = activation
  const held = running + queued + (waiting?.length ?? 0)
  holds(accepted === held, activation, `counts ${accepted} calls and holds ${held}`)
  holds(running >= 0, activation, `counts ${running} running turns`)
  const isInUse = state === 'active' || state === 'draining'
  holds(running === 0 || isInUse, activation, `is ${state} and runs ${running} turns`)
  holds(waiting === null || waiting.length > 0, activation, 'keeps an empty mailbox')
  holds(
    waiting === null || state !== 'active' || type.plan.hasLocks,
    activation,
    'has no locks, is active, and lets calls wait',
  )
  for (const call of waiting ?? []) {
    holds(
      call.status === 'waiting',
      activation,
      `has ${nameOf(call)} waiting, whose status is ${call.status}`,
    )
    holds(call.activation === activation, activation, `has a call of another activation waiting`)
    holds(call.turnKey === null, activation, `has ${nameOf(call)} waiting with locks`)
    holds(
      mailboxes.waits.has(call) === type.plan.hasLocks,
      activation,
      `has ${nameOf(call)} waiting unknown to the wait graph`,
    )
  }
  holds(new Set(waiting).size === (waiting?.length ?? 0), activation, 'has a call waiting twice')
  holds(
    (activation.turns?.length ?? 0) === (type.plan.hasLocks ? running + queued : 0),
    activation,
    'tracks other turns than it has',
  )
}

function assertLocks(activation: Activation): void {
  const turns = activation.turns ?? []
  holds(activation.turns === null || turns.length > 0, activation, 'keeps an empty list of turns')
  for (const [index, turn] of turns.entries()) {
    holds(
      turn.turnKey !== null && turn.activation === activation,
      activation,
      'runs a turn without locks',
    )
    for (const earlier of turns.slice(0, index)) {
      const excludes = conflicts(earlier, turn) && !isAbove(earlier, turn)
      holds(
        !excludes,
        activation,
        `runs ${nameOf(turn)} beside ${nameOf(earlier)}, which excludes it`,
      )
    }
  }
  if (activation.state !== 'active') return
  for (const [index, call] of (activation.waiting ?? []).entries()) {
    const mayGo = index === 0 || isReentrant(activation, call)
    holds(
      !mayGo || isBlocked(activation, call),
      activation,
      `lets ${nameOf(call)} wait, which could start`,
    )
  }
}

/** Checks what else hangs on an activation. */
function assertParts(activation: Activation): void {
  const { gate, state, timers, type } = activation
  holds(state !== 'gone', activation, 'is gone and in its table')
  holds(
    (gate !== null) === (type.plan.durability === 'acknowledged'),
    activation,
    'has a gate without need, or none',
  )
  holds(timers === null || timers.size > 0, activation, 'keeps an empty table of timers')
  for (const [key, timer] of timers ?? []) {
    holds(
      timer.key === key && timer.activation === activation,
      activation,
      `has the timer of another under "${key}"`,
    )
    const isSet = timer.slot !== null && timer.slot.timers.has(timer)
    holds(isSet || state === 'moving', activation, `has the timer "${key}", which will not fire`)
  }
}

function holds(condition: boolean, activation: Activation, broken: string): void {
  if (!condition) throw new Error(`${nameOfEntity(activation)} ${broken}`)
}

function equal(counted: number, found: number, what: string): void {
  if (counted !== found) throw new Error(`${counted} ${what} are counted, and there are ${found}`)
}
