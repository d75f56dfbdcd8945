/**
 * Plays the runtime for one kernel: makes calls that note their outcome, starts turns, and answers
 * effects at once unless a test takes them by hand. No promises: a turn runs until the test ends
 * it.
 */
import assert from 'node:assert/strict'
import {
  Call,
  Kernel,
  type Activation,
  type CallOrigin,
  type ClassPlan,
  type Effect,
  type Held,
  type KernelLimits,
  type OperationPlan,
  type Timer,
} from '@epicserver/kernel'

export type Outcome = { readonly value: unknown } | { readonly error: unknown }

/** A call that notes how it ended, and refuses to end twice. */
export class TestCall extends Call {
  readonly entity: string
  readonly #kernel: Kernel
  isExpected = false
  outcome: Outcome | null = null

  constructor(kernel: Kernel, entity: string, operation: OperationPlan, from: CallSource) {
    super(operation, [], from.parent ?? null, from.origin)
    this.entity = entity
    this.#kernel = kernel
  }

  get error(): { readonly code?: string; readonly retry?: string; readonly message: string } {
    assert.ok(this.outcome !== null && 'error' in this.outcome, `${this.entity} did not fail`)
    return this.outcome.error as { code?: string; retry?: string; message: string }
  }

  override succeed(value: unknown): void {
    this.#settle({ value })
  }

  override fail(error: unknown): void {
    this.#settle({ error })
  }

  #settle(outcome: Outcome): void {
    if (this.settled) return
    this.settled = true
    this.outcome = outcome
    if (this.isExpected) this.#kernel.handleSettled(this)
  }
}

export interface CallSource {
  readonly parent?: Call | undefined
  readonly origin?: CallOrigin
}

/** Something at a gate that notes what became of it. */
export class TestHeld implements Held {
  state: 'held' | 'released' | 'dropped' = 'held'
  error: unknown
  readonly #log: TestHeld[] | undefined

  constructor(log?: TestHeld[]) {
    this.#log = log
  }

  release(): void {
    assert.equal(this.state, 'held')
    this.state = 'released'
    this.#log?.push(this)
  }

  drop(error: unknown): void {
    assert.equal(this.state, 'held')
    this.state = 'dropped'
    this.error = error
  }
}

export function operation(name: string, over: Partial<OperationPlan> = {}): OperationPlan {
  return {
    name,
    oneWay: false,
    priority: 'normal',
    lock: 'none',
    atomic: false,
    idempotent: false,
    unreliable: false,
    coalesce: false,
    timeoutMs: 30_000,
    ...over,
  }
}

export function classPlan(name: string, over: Partial<ClassPlan> = {}): ClassPlan {
  return {
    name,
    mailboxMax: 1024,
    idleAfterMs: 300_000,
    durability: 'none',
    durabilityMs: 0,
    hasLocks: false,
    ...over,
  }
}

export interface DriverOptions {
  readonly types: readonly ClassPlan[]
  readonly nodeId?: string
  readonly limits?: Partial<KernelLimits>
  readonly grantEpoch?: (type: string, id: string) => bigint
}

export class Driver {
  readonly kernel: Kernel
  /** What `perform` was told, in order. */
  readonly performed: Effect[] = []
  #epoch = 0n

  constructor({ types, nodeId = 'n1', limits, grantEpoch }: DriverOptions) {
    this.kernel = new Kernel({
      nodeId,
      now: 0,
      grantEpoch: grantEpoch ?? (() => (this.#epoch += 1n)),
      ...(limits && { limits }),
    })
    for (const plan of types) this.kernel.addType(plan)
  }

  /** A call that this node waits for, not yet on its way. */
  make(entity: string, plan: OperationPlan, from: CallSource = {}): TestCall {
    const call = new TestCall(this.kernel, entity, plan, from)
    this.kernel.expect(call)
    call.isExpected = true
    return call
  }

  /** A call that this node waits for, to an entity of this node. */
  call(entity: string, plan: OperationPlan, from: CallSource = {}): TestCall {
    const call = this.make(entity, plan, from)
    this.accept(call)
    return call
  }

  /** A call whose outcome nobody on this node waits for: one-way, or from another node. */
  receive(entity: string, plan: OperationPlan, from: CallSource = {}): TestCall {
    const call = new TestCall(this.kernel, entity, plan, from)
    this.accept(call)
    return call
  }

  accept(call: TestCall): void {
    const [type, id] = call.entity.split('/') as [string, string]
    this.kernel.accept(this.type(type), id, call)
  }

  type(name: string): NonNullable<ReturnType<Kernel['types']['get']>> {
    const type = this.kernel.types.get(name)
    assert.ok(type !== undefined)
    return type
  }

  /** The activation of an entity that must be in memory. */
  at(entity: string): Activation {
    const [type, id] = entity.split('/') as [string, string]
    const activation = this.type(type).activations.get(id)
    assert.ok(activation !== undefined, `${entity} is not in memory`)
    return activation
  }

  has(entity: string): boolean {
    const [type, id] = entity.split('/') as [string, string]
    return this.type(type).activations.has(id)
  }

  /** Brings an entity into memory, active. */
  activate(entity: string): Activation {
    const [type, id] = entity.split('/') as [string, string]
    const activation = this.kernel.activate(this.type(type), id, (this.#epoch += 1n))
    this.perform()
    assert.equal(activation.state, 'active')
    return activation
  }

  /** Starts a call's turn, which must be the next or among the next that may run. */
  start(entity: string, plan: OperationPlan, from: CallSource = {}): TestCall {
    const call = this.call(entity, plan, from)
    this.perform()
    this.run()
    assert.equal(call.status, 'running', `${entity}.${plan.name} is ${call.status}`)
    return call
  }

  /** Starts all turns that may run. */
  run(): TestCall[] {
    const started: TestCall[] = []
    for (let call = this.kernel.pollTurn(); call !== undefined; call = this.kernel.pollTurn()) {
      started.push(call as TestCall)
    }
    return started
  }

  /** Ends a running turn; its outcome leaves at once. */
  end(call: TestCall, value?: unknown): void {
    this.kernel.handleTurnEnded(call)
    call.succeed(value)
  }

  /** Answers all effects, as a store and classes do in which nothing fails. */
  perform(): void {
    for (let effect = this.kernel.pollEffect(); effect; effect = this.kernel.pollEffect()) {
      this.performOne(effect)
    }
  }

  performOne(effect: Effect): void {
    this.performed.push(effect)
    if (effect.kind === 'claim') this.kernel.handleClaimed(effect.activation)
    else if (effect.kind === 'wake') this.kernel.handleAwake(effect.activation)
    else if (effect.kind === 'sleep') this.kernel.handleAsleep(effect.activation)
    else if (effect.kind === 'redirect') this.accept(effect.call as TestCall)
  }

  /** The kinds of all effects that wait, taken and not answered. */
  takeEffects(): Effect[] {
    const effects: Effect[] = []
    for (let effect = this.kernel.pollEffect(); effect; effect = this.kernel.pollEffect()) {
      effects.push(effect)
    }
    return effects
  }

  setTimer(activation: Activation, key: string, over: Partial<Timer>): Timer {
    const timer: Timer = {
      activation,
      key,
      operation: 'tick',
      args: [],
      closure: null,
      intervalMs: 0,
      timesLeft: 1,
      dueAt: this.kernel.now + 1000,
      order: 0,
      slot: null,
      ...over,
    }
    this.kernel.setTimer(timer)
    return timer
  }
}

/** The turn keys that a call brings along when it leaves for another node. */
export function originOf(call: Call): CallOrigin {
  return { depth: call.depth, above: call.above }
}
