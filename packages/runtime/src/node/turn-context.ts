/**
 * Which turn is running: known at every line of user code, across every `await`.
 *
 * Everything that a call needs of its caller (identity, chain of locks, deadline, durability) hangs on the turn that makes it.
 * Passing it by hand would spoil the programming model, and `AsyncLocalStorage` makes an in-process call 2.8 times slower on
 * Node 20. V8's promise hooks cost a third of that: each promise made during a turn remembers it, and before a continuation
 * runs the turn is put back. After it, nothing is current, so a stranger's callback can never act in an entity's name.
 *
 * Not covered, on purpose: plain callbacks (`setTimeout`, event emitters). What they call counts as coming from outside.
 */
import { promiseHooks } from 'node:v8'
import type { Call } from '@epicserver/kernel'

const TURN: unique symbol = Symbol('turn')

const WATCHER: unique symbol = Symbol('watcher')

/** Who wants to know when a promise is awaited. */
export interface Watcher {
  handleAwaited(): void
}

interface Marked {
  [TURN]?: Call
  [WATCHER]?: Watcher
}

/** The turn whose code ran last; it is the current one while `isInside`. */
let last: Call | null = null
let isInside = false
/** Whether there ever was a watcher: most programs have none, and pay nothing for looking. */
let isWatching = false
let isHooked = false

/** Starts keeping track, once for the process. */
export function trackTurns(): void {
  if (isHooked) return
  isHooked = true
  promiseHooks.createHook({
    init(promise: Promise<unknown> & Marked, parent?: Promise<unknown> & Marked) {
      if (isInside) promise[TURN] = last as Call
      if (isWatching && parent !== undefined) parent[WATCHER]?.handleAwaited()
    },
    before(promise: Promise<unknown> & Marked) {
      const turn = promise[TURN]
      isInside = turn !== undefined
      if (turn !== undefined) last = turn
    },
    after() {
      isInside = false
    },
  })
}

/** Tells when somebody awaits a promise, or attaches a callback to it; perhaps more than once. */
export function watchPromise(promise: Promise<unknown>, watcher: Watcher): void {
  isWatching = true
  ;(promise as Marked)[WATCHER] = watcher
}

/** The turn whose code is running, or `null` outside every entity. */
export function currentTurn(): Call | null {
  return isInside ? last : null
}

/** The turn whose code ran last, for whoever wonders what held the thread. */
export function lastTurn(): Call | null {
  return last
}

/** Makes `turn` current and returns what was; put that back when the synchronous part is over. */
export function enterTurn(turn: Call | null): Call | null {
  const before = currentTurn()
  isInside = turn !== null
  if (turn !== null) last = turn
  return before
}

/** Returns the turn whose continuation this is, and puts nobody in its place. */
export function leaveTurn(): Call {
  isInside = false
  return last as Call
}
