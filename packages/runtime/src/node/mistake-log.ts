/**
 * Mistakes in an app's own code, told in development with the line that made them. Their caller is told as well, but without a line:
 * stacks do not cross, and whoever calls from a browser or a terminal has nothing of ours to look into.
 *
 * What an operation throws on purpose is its caller's business and not told.
 */
import { framesOfApp } from '../frames-of-app.ts'
import { UnawaitedCall, type EntityCall } from './entity-call.ts'
import type { Log } from '../log.ts'

/** Errors go up through callers, which may be entities of this node as well. */
const told = new WeakSet<Error>()

export function tellMistake(log: Log, call: EntityCall, error: unknown): void {
  if (!(error instanceof TypeError || error instanceof ReferenceError)) return
  // What nobody awaits is told by the node; what has come from another was told there, and has no lines.
  if (call instanceof UnawaitedCall || told.has(error) || framesOfApp(error).length === 0) return
  told.add(error)
  log.warn(`${call.ref.toString()}.${call.operation.name} failed by a mistake in the app`, {
    error,
  })
}
