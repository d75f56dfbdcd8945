/**
 * A kernel under random events: calls that come, nest and end, claims, wakes and writes that fail,
 * drops, sleeps, timers and time. After each event the invariants hold; after all of them
 * everything can be brought to rest, with nothing left over.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Call, Kernel, type Activation, type Effect, type OperationPlan } from '@epicserver/kernel'
import fc from 'fast-check'
import { classPlan, operation, TestHeld } from './driver.ts'

const plans = [
  operation('read'),
  operation('urgent', { priority: 'high' }),
  operation('deposit', { lock: 'method', priority: 'low' }),
  operation('whole', { lock: 'entity' }),
  operation('quick', { timeoutMs: 50 }),
  operation('send', { oneWay: true, lock: 'entity' }),
  operation('move', { oneWay: true, unreliable: true }),
]

const classes = [
  classPlan('Room', { mailboxMax: 6, idleAfterMs: 100 }),
  classPlan('Saved', { mailboxMax: 8, idleAfterMs: 1000, durability: 'acknowledged' }),
  classPlan('Vault', {
    mailboxMax: 8,
    idleAfterMs: 1000,
    durability: 'acknowledged',
    hasLocks: true,
  }),
  classPlan('Plain', { mailboxMax: 8, idleAfterMs: 1000, durability: 'manual', hasLocks: true }),
]
const ids = ['a', 'b']

/** A call that counts how often its outcome was decided. */
class ModelCall extends Call {
  readonly place: readonly [type: string, id: string]
  readonly isExpected: boolean
  readonly #kernel: Kernel
  /** Its place in the order of arrival at its entity, and whether its driver has given it up. */
  arrival = 0
  isGivenUp = false
  decisions = 0

  constructor(kernel: Kernel, plan: OperationPlan, place: ModelCall['place'], parent: Call | null) {
    super(plan, [], parent)
    this.#kernel = kernel
    this.place = place
    this.isExpected = !plan.oneWay
  }

  override succeed(): void {
    this.#decide()
  }

  override fail(): void {
    this.#decide()
  }

  #decide(): void {
    this.decisions += 1
    if (this.settled) return
    this.settled = true
    if (this.isExpected) this.#kernel.handleSettled(this)
  }
}

/** The outcome of a call, as it waits at a gate. */
class Reply extends TestHeld {
  readonly #call: ModelCall

  constructor(call: ModelCall) {
    super()
    this.#call = call
  }

  override release(): void {
    super.release()
    this.#call.succeed()
  }

  override drop(error: unknown): void {
    super.drop(error)
    this.#call.fail()
  }
}

class World {
  readonly kernel: Kernel
  readonly calls: ModelCall[] = []
  readonly held: TestHeld[] = []
  /** What the driver does just now: turns, claims and hooks, writes. */
  readonly running: ModelCall[] = []
  readonly answering: Effect[] = []
  readonly writing: Activation[] = []
  /** The last arrival that was started, by entity and lane. */
  readonly #lastStarted = new Map<string, number>()
  #epoch = 0n

  constructor() {
    this.kernel = new Kernel({
      nodeId: 'n1',
      now: 0,
      grantEpoch: () => (this.#epoch += 1n),
      limits: {
        activationBytesMax: 4000,
        activationBytesGuess: 600,
        pendingCallsMax: 30,
        timersPerEntityMax: 2,
        sweepSize: 3,
      },
    })
    for (const plan of classes) this.kernel.addType(plan)
  }

  get activations(): Activation[] {
    return [...this.kernel.types.values()].flatMap((type) => [...type.activations.values()])
  }

  call(plan: OperationPlan, place: ModelCall['place'], parent: ModelCall | undefined): void {
    const call = new ModelCall(this.kernel, plan, place, parent ?? null)
    if (call.isExpected) {
      if (this.kernel.counts.pendingCalls === this.kernel.limits.pendingCallsMax) return
      this.kernel.expect(call)
    }
    this.calls.push(call)
    call.arrival = this.calls.length
    this.accept(call)
  }

  accept(call: ModelCall): void {
    const [name, id] = call.place
    const type = this.kernel.types.get(name)
    assert.ok(type !== undefined)
    const known = type.activations.get(id)
    if (known !== undefined && call.arrival % 2 === 0) this.kernel.acceptAt(known, call)
    else this.kernel.accept(type, id, call)
  }

  startTurn(): void {
    const call = this.kernel.pollTurn() as ModelCall | undefined
    if (call === undefined) return
    assert.equal(call.activation?.state, 'active')
    this.running.push(call)
    if (call.above.length > 0) return
    const lane = `${call.place.join('/')} ${call.operation.priority}`
    assert.ok(call.arrival > (this.#lastStarted.get(lane) ?? 0), 'a call overtook one of its lane')
    this.#lastStarted.set(lane, call.arrival)
  }

  endTurn(call: ModelCall): void {
    const activation = call.activation as Activation
    this.kernel.handleTurnEnded(call)
    if (activation.gate !== null) this.hold(activation, new Reply(call))
    else if (activation.state === 'gone') call.fail()
    else call.succeed()
  }

  hold(activation: Activation, held: TestHeld): void {
    this.held.push(held)
    this.kernel.hold(activation, held)
  }

  /** Takes one effect; what it asks for is answered later. */
  takeEffect(): boolean {
    const effect = this.kernel.pollEffect()
    if (effect === undefined) return false
    if (effect.kind === 'redirect') this.accept(effect.call as ModelCall)
    else if (effect.kind === 'fire') {
      const { type, id } = effect.timer.activation
      this.call(plans[0] as OperationPlan, [type.plan.name, id], undefined)
    } else if (effect.kind !== 'gone') this.answering.push(effect)
    return true
  }

  answer(effect: Effect, isGood: boolean): void {
    const { kernel } = this
    if (effect.kind === 'claim') {
      if (isGood) kernel.handleClaimed(effect.activation)
      else kernel.handleClaimFailed(effect.activation, new Error('not claimed'))
    } else if (effect.kind === 'wake') {
      if (isGood) kernel.handleAwake(effect.activation)
      else kernel.handleWakeFailed(effect.activation, undefined)
    } else if (effect.kind === 'sleep') {
      if (isGood) kernel.handleAsleep(effect.activation)
      else this.drop(effect.activation, undefined)
    }
  }

  settleOne(isClean: boolean): void {
    const activation = this.kernel.pollUnsettled()
    if (activation === undefined) return
    if (isClean) {
      for (const held of activation.gate?.takeClean() ?? []) held.release()
    } else {
      activation.gate?.beginWrite()
      this.writing.push(activation)
    }
  }

  endWrite(activation: Activation, isGood: boolean): void {
    if (!isGood) this.drop(activation, undefined)
    else for (const held of this.kernel.handleWritten(activation)) held.release()
  }

  drop(activation: Activation, error: Error | undefined): void {
    for (const held of this.kernel.drop(activation, error)) held.drop(error)
  }

  tick(ms: number): void {
    for (const call of this.kernel.handleTick(this.kernel.now + ms) as ModelCall[]) {
      call.isGivenUp = true
      if (!this.kernel.failWaiting(call, new Error('late'))) call.fail()
    }
  }

  setTimer(activation: Activation, key: string, ms: number): void {
    const many = ms % 2 === 0
    const timers = activation.timers
    if (timers !== null && timers.size === 2 && !timers.has(key)) return
    this.kernel.setTimer({
      activation,
      key,
      operation: 'read',
      args: [],
      closure: null,
      intervalMs: many ? ms : 0,
      timesLeft: many ? 3 : 1,
      dueAt: this.kernel.now + ms,
      order: 0,
      slot: null,
    })
  }

  /** Lets everything end that is under way. */
  rest(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = this.answering.length + this.writing.length + this.running.length > 0
      while (this.takeEffect()) isBusy = true
      for (const effect of this.answering.splice(0)) this.answer(effect, true)
      for (const activation of this.writing.splice(0)) this.endWrite(activation, true)
      for (let before = -1; before < this.running.length;) {
        before = this.running.length
        this.startTurn()
      }
      for (const call of this.running.splice(0)) {
        this.endTurn(call)
        isBusy = true
      }
      this.settleOne(false)
      if (this.writing.length > 0) isBusy = true
      this.kernel.assertInvariants()
    }
  }
}

function pickFrom<T>(items: readonly T[], pick: number): T | undefined {
  return items[pick % Math.max(1, items.length)]
}

function takeFrom<T>(items: T[], pick: number): T | undefined {
  return items.splice(pick % Math.max(1, items.length), 1)[0]
}

type Act = (world: World, pick: number, other: number) => void

const acts: Readonly<Record<string, readonly [weight: number, act: Act]>> = {
  call: [
    6,
    (world, pick, other) => {
      const place = [
        (classes[pick % classes.length] as { name: string }).name,
        ids[other % 2] as string,
      ] as const
      const parent = other % 3 === 0 ? undefined : pickFrom(world.running, pick + other)
      world.call(plans[(pick >> 3) % plans.length] as OperationPlan, place, parent)
    },
  ],
  startTurn: [6, (world) => world.startTurn()],
  endTurn: [
    4,
    (world, pick) => {
      const call = takeFrom(world.running, pick)
      if (call !== undefined) world.endTurn(call)
    },
  ],
  takeEffect: [6, (world) => void world.takeEffect()],
  answer: [
    5,
    (world, pick, other) => {
      const effect = takeFrom(world.answering, pick)
      if (effect !== undefined) world.answer(effect, other % 6 !== 0)
    },
  ],
  settle: [3, (world, pick) => world.settleOne(pick % 2 === 0)],
  endWrite: [
    3,
    (world, pick, other) => {
      const activation = takeFrom(world.writing, pick)
      if (activation !== undefined) world.endWrite(activation, other % 5 !== 0)
    },
  ],
  emit: [
    2,
    (world, pick) => {
      const activation = pickFrom(world.running, pick)?.activation
      if (activation?.gate) world.hold(activation, new TestHeld())
    },
  ],
  drop: [
    1,
    (world, pick, other) => {
      const activation = pickFrom(world.activations, pick)
      if (activation) world.drop(activation, other % 2 === 0 ? undefined : new Error('dropped'))
    },
  ],
  deactivate: [
    2,
    (world, pick) => {
      const activation = pickFrom(world.activations, pick)
      if (activation) world.kernel.deactivate(activation, 'requested')
    },
  ],
  giveUp: [
    1,
    (world, pick) => {
      const waiting = world.calls.filter((call) => call.status === 'waiting')
      const call = pickFrom(waiting, pick)
      if (call) world.kernel.failWaiting(call, new Error('given up'))
    },
  ],
  measure: [
    1,
    (world, pick, other) => {
      const activation = pickFrom(world.activations, pick)
      if (activation) world.kernel.measure(activation, 100 + other * 2)
    },
  ],
  setTimer: [
    2,
    (world, pick, other) => {
      const activation = pickFrom(world.activations, pick) ?? world.running[0]?.activation
      if (activation) world.setTimer(activation, ids[pick % 2] as string, other)
    },
  ],
  setStaleTimer: [
    1,
    (world, pick, other) => {
      const activation = pickFrom(world.running, pick)?.activation
      if (activation) world.setTimer(activation, 'stale', other)
    },
  ],
  tick: [3, (world, pick, other) => world.tick(pick % 7 === 0 ? other * 1000 : other % 40)],
}

describe('kernel under random events', () => {
  const kinds = Object.entries(acts).flatMap(([kind, [weight]]) => Array<string>(weight).fill(kind))
  const event = fc.tuple(fc.constantFrom(...kinds), fc.nat(1000), fc.nat(1000))

  function play(events: readonly (readonly [string, number, number])[]): World {
    const world = new World()
    for (const [kind, pick, other] of events) {
      acts[kind]?.[1](world, pick, other)
      world.kernel.assertInvariants()
    }
    return world
  }

  it('keeps its invariants, and each call and each message ends once', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200, size: 'max' }), (events) => {
        const world = play(events)
        world.rest()
        for (const call of world.calls) {
          assert.equal(call.status, 'ended')
          assert.equal(call.settled, true)
          assert.ok(call.decisions <= (call.isGivenUp ? 2 : 1), `decided ${call.decisions} times`)
        }
        for (const held of world.held) assert.notEqual(held.state, 'held')
      }),
      { numRuns: 300 },
    )
  })

  it('leaves nothing behind when it stops', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200, size: 'max' }), (events) => {
        const world = play(events)
        world.kernel.stop()
        world.rest()
        world.kernel.putAllAway('stopping')
        world.rest()
        assert.equal(world.kernel.isEmpty, true)
        assert.deepEqual(world.kernel.counts, {
          activations: 0,
          activationBytes: 0,
          queued: 0,
          pendingCalls: 0,
          timers: 0,
          waitingForLocks: 0,
        })
        assert.equal(world.kernel.pollUnsettled(), undefined)
        assert.equal(world.kernel.nextTimerAt, Infinity)
      }),
      { numRuns: 200 },
    )
  })
})
