/**
 * Which calls of one entity may run beside each other.
 *
 * `entity` excludes every other call of the entity, `method` other calls of the same operation, `none` only waits for an
 * `entity` lock. A call never waits for a turn of its own chain (`above`): that is what makes locks reentrant. Calls that must
 * wait do so in one queue, so that a stream of compatible calls cannot starve one that needs the entity alone; a reentrant
 * call goes past the queue, since what is queued may be waiting for its own chain to end.
 */
import type { Activation } from './activation.ts'
import type { Call } from './call.ts'

/** Whether two calls of one entity exclude each other. */
export function conflicts(a: Call, b: Call): boolean {
  const lockA = a.operation.lock
  const lockB = b.operation.lock
  if (lockA === 'entity' || lockB === 'entity') return true
  return lockA === 'method' && a.operation === b.operation
}

/** Whether `turn` is one of those that led to `call`. */
export function isAbove(turn: Call, call: Call): boolean {
  return turn.turnKey !== null && call.above.includes(turn.turnKey)
}

/** The running turns that `call` must wait for. */
export function blockersOf(activation: Activation, call: Call): Call[] {
  return (activation.turns ?? []).filter((turn) => conflicts(turn, call) && !isAbove(turn, call))
}

/** Whether `call` may start now. */
export function canStart(activation: Activation, call: Call): boolean {
  const turns = activation.turns
  if (turns === null || turns.length === 0) {
    return activation.waiting === null || activation.waiting.length === 0
  }
  let isReentrant = false
  for (const turn of turns) {
    if (isAbove(turn, call)) isReentrant = true
    else if (conflicts(turn, call)) return false
  }
  return isReentrant || activation.waiting === null || activation.waiting.length === 0
}

/** Takes the calls that may start now out of the queue, in order, as if each had started when it was taken. */
export function takeStartable(activation: Activation): Call[] {
  const { waiting } = activation
  const startable: Call[] = []
  if (waiting === null) return startable
  while (waiting.length > 0) {
    const call = waiting[0] as Call
    if (blockersOf(activation, call).length > 0) break
    if (startable.some((other) => conflicts(other, call))) break
    waiting.shift()
    startable.push(call)
  }
  if (waiting.length === 0) activation.waiting = null
  return startable
}
