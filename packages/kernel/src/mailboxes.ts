/**
 * Where accepted calls are until they have run: in the run queue, in an entity's mailbox, or
 * running under locks.
 *
 * The hot path is the entity without locks: `queue`, `take`, `end`, with nothing allocated and
 * nothing looked up. An entity whose class takes locks has its turns tracked one by one, from the
 * moment they are queued, so that what is queued may run without another look. A call in a mailbox
 * waits for a state of its activation or, while that is active, for a lock.
 *
 * Invariant: a queued call's activation is active. Whoever puts an activation away first calls
 * `withdraw`, and what was queued then waits ahead of what came later, so that calls of one caller
 * keep their order.
 */
import type { Activation } from './activation.ts'
import { hasLedTo, isAwaitedBy, type Call } from './call.ts'
import { WaitGraph } from './deadlock.ts'
import { canStart, isBlocked, isReentrant } from './locks.ts'
import { RunQueue } from './run-queue.ts'

export class Mailboxes {
  readonly runnable: RunQueue = new RunQueue()
  /** The waiting calls of all classes that take locks. */
  readonly waits: WaitGraph
  readonly #nodeId: string
  /** Of entities that wake or are put away, the turn that runs their own code for that. */
  readonly #hooks = new Map<Activation, Call>()
  #turns = 0

  constructor(nodeId: string) {
    this.#nodeId = nodeId
    this.waits = new WaitGraph(nodeId)
  }

  /** Takes a call in: it may run now, or it waits. */
  add(activation: Activation, call: Call, now: number): void {
    const { hasLocks } = activation.type.plan
    if (activation.state === 'active' || isOfItsOwn(activation, call)) {
      if (!hasLocks) {
        this.#queue(call)
        return
      }
      if (canStart(activation, call)) {
        this.#start(activation, call)
        return
      }
    }
    wait(call)
    if (activation.waiting === null) activation.waiting = [call]
    else activation.waiting.push(call)
    if (hasLocks) this.waits.add(call, now)
  }

  /** An entity's own code for waking or leaving runs, while its calls wait. */
  startHook(activation: Activation, hook: Call): void {
    this.#turns += 1
    hook.activation = activation
    hook.status = 'running'
    hook.turnKey = `${this.#nodeId}:${this.#turns}`
    this.#hooks.set(activation, hook)
  }

  endHook(activation: Activation, hook: Call): void {
    hook.status = 'ended'
    if (this.#hooks.get(activation) === hook) this.#hooks.delete(activation)
  }

  /** The calls of a shortest cycle of waiting through a call that waits, beginning with it. */
  cycleThrough(call: Call): Call[] | undefined {
    const activation = call.activation as Activation
    if (activation.state === 'active') return this.waits.cycleThrough(call)
    const key = this.#hooks.get(activation)?.turnKey
    const isOfHook = key && call.above.includes(key) && isAwaitedBy(key, call)
    return isOfHook ? [call] : undefined
  }

  /** The waiting calls that this one led to, and itself where it waits. */
  waitingBelow(call: Call): Set<Call> {
    const found = new Set<Call>(call.status === 'waiting' ? [call] : [])
    for (const turnKey of call.above) {
      for (const waiting of this.waits.below(turnKey))
        if (hasLedTo(call, waiting)) found.add(waiting)
    }
    for (const [activation, { turnKey }] of this.#hooks) {
      if (turnKey === null || !call.above.includes(turnKey)) continue
      for (const waiting of activation.waiting ?? [])
        if (hasLedTo(call, waiting)) found.add(waiting)
    }
    return found
  }

  /** A running call is over: lets go of its locks. */
  end(activation: Activation, call: Call): void {
    if (call.turnKey === null) return
    this.#forgetTurn(activation, call)
    if (activation.state === 'active') this.startWaiting(activation)
  }

  /** Takes a waiting call out, and lets those start that waited behind it. */
  remove(activation: Activation, call: Call): void {
    const waiting = activation.waiting as Call[]
    waiting.splice(waiting.indexOf(call), 1)
    noteWaited(call)
    if (waiting.length === 0) activation.waiting = null
    this.waits.remove(call)
    if (activation.state === 'active') this.startWaiting(activation)
  }

  /** Queues the waiting calls of an active entity that may start now. */
  startWaiting(activation: Activation): void {
    const { waiting } = activation
    if (waiting === null) return
    if (!activation.type.plan.hasLocks) {
      activation.waiting = null
      for (const call of waiting) {
        noteWaited(call)
        this.#queue(call)
      }
      return
    }
    let started = 0
    while (started < waiting.length && !isBlocked(activation, waiting[started] as Call)) {
      this.#startWaiter(activation, waiting[started] as Call)
      started += 1
    }
    waiting.splice(0, started)
    if (waiting.length > 0) this.#startReentrant(activation, waiting)
    if (waiting.length === 0) activation.waiting = null
  }

  /**
   * An entity is about to stop being active: what was queued waits again, ahead of what waits
   * already.
   */
  withdraw(activation: Activation, now: number): void {
    const queued = activation.accepted - activation.running - (activation.waiting?.length ?? 0)
    if (queued === 0) return
    const withdrawn = this.runnable.takeAllOf(activation)
    activation.waiting = [...withdrawn, ...(activation.waiting ?? [])]
    for (const call of withdrawn) {
      wait(call)
      if (!activation.type.plan.hasLocks) continue
      this.#forgetTurn(activation, call)
      call.turnKey = null
      this.waits.add(call, now)
    }
  }

  /**
   * Empties the mailbox of an activation that ends; the calls are the caller's to place or fail.
   */
  takeWaiting(activation: Activation): readonly Call[] {
    const { waiting } = activation
    if (waiting === null) return []
    activation.waiting = null
    activation.latest = null
    activation.accepted -= waiting.length
    for (const call of waiting) {
      this.waits.remove(call)
      noteWaited(call)
      call.status = 'made'
    }
    return waiting
  }

  /** Past the first that must wait go only those whose own chain holds the entity. */
  #startReentrant(activation: Activation, waiting: Call[]): void {
    const { turns } = activation
    if (turns === null || !turns.some((turn) => this.waits.hasBelow(turn))) return
    let kept = 0
    for (const call of waiting) {
      if (isReentrant(activation, call) && !isBlocked(activation, call)) {
        this.#startWaiter(activation, call)
      } else {
        waiting[kept] = call
        kept += 1
      }
    }
    waiting.length = kept
  }

  #startWaiter(activation: Activation, call: Call): void {
    this.waits.remove(call)
    noteWaited(call)
    this.#start(activation, call)
  }

  #start(activation: Activation, call: Call): void {
    this.#turns += 1
    call.turnKey = `${this.#nodeId}:${this.#turns}`
    if (activation.turns === null) activation.turns = [call]
    else activation.turns.push(call)
    this.#queue(call)
  }

  #queue(call: Call): void {
    call.status = 'queued'
    this.runnable.push(call)
  }

  #forgetTurn(activation: Activation, call: Call): void {
    const turns = activation.turns as Call[]
    turns.splice(turns.indexOf(call), 1)
    if (turns.length === 0) activation.turns = null
  }
}

function wait(call: Call): void {
  call.status = 'waiting'
  const sender = call.parent?.activation ?? null
  if (sender !== null && sender !== call.activation) sender.sentWaiting += 1
}

function noteWaited({ activation, parent }: Call): void {
  const sender = parent?.activation ?? null
  if (sender !== null && sender !== activation) sender.sentWaiting -= 1
}

/** Whether a draining entity must still run a call, because one of its turns waits for it. */
function isOfItsOwn(activation: Activation, call: Call): boolean {
  if (activation.state !== 'draining') return false
  for (let turn = call.parent; turn !== null; turn = turn.parent) {
    if (turn.activation === activation) return true
  }
  return isReentrant(activation, call)
}
