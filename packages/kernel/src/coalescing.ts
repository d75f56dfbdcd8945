/**
 * Messages of which only the latest counts: while one waits, a newer one of the same caller and operation takes its place.
 *
 * The place is the older one's in the queue, with the newer one's arguments. Were it at the end instead, a caller that
 * sends faster than the entity gets its turns would never be heard. So such a message may overtake
 * others of its caller that were sent between the two, which whoever asks for this does not mind.
 */
import type { Activation } from './activation.ts'
import type { Call } from './call.ts'

/** Lets a message take the place of one that waits; says whether there was one. */
export function takeOver(activation: Activation, call: Call): boolean {
  const older = activation.latest?.get(keyOf(call))
  if (older === undefined) return false
  older.args = call.args
  older.deadlineAt = call.deadlineAt
  call.endReplaced()
  return true
}

/** A message begins to wait: newer ones take its place from now on. */
export function noteLatest(activation: Activation, call: Call): void {
  if (activation.latest === null) activation.latest = new Map()
  activation.latest.set(keyOf(call), call)
}

/** A message waits no more. */
export function forgetLatest(activation: Activation, call: Call): void {
  const { latest } = activation
  if (latest?.get(keyOf(call)) !== call) return
  latest.delete(keyOf(call))
  if (latest.size === 0) activation.latest = null
}

function keyOf({ operation, caller }: Call): string {
  return `${operation.name} ${caller}`
}
