/**
 * Which calls of one entity may run beside each other.
 *
 * `entity` excludes every other call of the entity, `method` other calls of the same operation,
 * `none` only waits for an `entity` lock. Calls that must wait do so in one queue, and one that
 * arrives waits behind those that wait already even where nothing that runs excludes it: so a
 * stream of compatible calls cannot starve one that needs the entity alone, and the calls of one
 * caller start in order.
 *
 * A call never waits for a turn of its own chain (`above`): that is what makes locks reentrant. A
 * reentrant call also goes past the queue, since what is queued may be waiting for its own chain to
 * end.
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

/** Whether `call` must wait for `turn`, which runs. */
function blocks(turn: Call, call: Call): boolean {
  return conflicts(turn, call) && !isAbove(turn, call)
}

/** Whether one of the running turns led to `call`. */
export function isReentrant(activation: Activation, call: Call): boolean {
  if (call.above.length === 0 || activation.turns === null) return false
  return activation.turns.some((turn) => isAbove(turn, call))
}

/** Whether a running turn excludes `call`. */
export function isBlocked(activation: Activation, call: Call): boolean {
  return activation.turns !== null && activation.turns.some((turn) => blocks(turn, call))
}

/** Whether `call`, which has just arrived, may start now. */
export function canStart(activation: Activation, call: Call): boolean {
  if (isBlocked(activation, call)) return false
  return activation.waiting === null || isReentrant(activation, call)
}

/**
 * The turns that must end before `call`, which waits, can start: those that exclude it and, unless
 * it goes past the queue, those that exclude a call ahead of it.
 */
export function turnsAwaitedBy(activation: Activation, call: Call): Call[] {
  const { turns, waiting } = activation
  if (turns === null) return []
  const ahead =
    waiting === null || isReentrant(activation, call) ? [] : waiting.slice(0, waiting.indexOf(call))
  return turns.filter((turn) => blocks(turn, call) || ahead.some((other) => blocks(turn, other)))
}
