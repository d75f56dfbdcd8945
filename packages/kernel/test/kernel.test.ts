import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { classPlan, Driver, operation, TestCall, TestHeld } from './driver.ts'

const go = operation('go')
const Room = classPlan('Room')
const Saved = classPlan('Saved', { durability: 'acknowledged' })

describe('kernel: the way of a call', () => {
  it('leads over claiming and waking to a turn and an outcome', () => {
    const driver = new Driver({ types: [Saved] })
    const call = driver.call('Saved/a', go)
    assert.equal(driver.at('Saved/a').state, 'claiming')
    assert.equal(call.status, 'waiting')
    driver.perform()
    assert.equal(driver.at('Saved/a').state, 'active')
    assert.equal(call.status, 'queued')
    assert.deepEqual(driver.run(), [call])
    driver.end(call, 7)
    assert.deepEqual(call.outcome, { value: 7 })
    assert.equal(call.status, 'ended')
  })

  it('skips the claim where nothing is saved', () => {
    const driver = new Driver({ types: [Room] })
    driver.call('Room/a', go)
    assert.deepEqual(
      driver.takeEffects().map((effect) => effect.kind),
      ['wake'],
    )
  })

  it('leaves all counters at zero', () => {
    const driver = new Driver({ types: [Room] })
    const calls = ['Room/a', 'Room/a', 'Room/b'].map((entity) => driver.call(entity, go))
    driver.perform()
    for (const call of driver.run()) driver.end(call)
    for (const entity of ['Room/a', 'Room/b']) {
      assert.equal(driver.at(entity).accepted, 0)
      assert.equal(driver.at(entity).running, 0)
      driver.kernel.deactivate(driver.at(entity), 'requested')
    }
    driver.perform()
    assert.ok(calls.every((call) => call.status === 'ended'))
    assert.deepEqual(driver.kernel.counts, {
      activations: 0,
      activationBytes: 0,
      queued: 0,
      pendingCalls: 0,
      timers: 0,
      waitingForLocks: 0,
    })
    assert.equal(driver.kernel.isEmpty, true)
  })

  it('goes to the activation that the caller holds', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    const call = driver.make('Room/a', go)
    driver.kernel.acceptAt(activation, call)
    assert.deepEqual(driver.run(), [call])
  })

  it('goes back to the driver when the activation that the caller holds has ended', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.kernel.drop(activation)
    driver.takeEffects()
    const call = driver.make('Room/a', go)
    driver.kernel.acceptAt(activation, call)
    assert.deepEqual(driver.takeEffects(), [{ kind: 'redirect', call }])
  })

  it('ends once: a turn that ends twice is a mistake of the program', () => {
    const driver = new Driver({ types: [Room] })
    const turn = driver.start('Room/a', go)
    driver.end(turn)
    assert.throws(() => driver.kernel.handleTurnEnded(turn), {
      message: 'The turn Room/a.go cannot end: it is ended',
    })
    assert.throws(() => driver.kernel.handleSettled(turn), /settled twice, or never expected/)
  })

  it('does not keep the calls that led to one that is over in memory', () => {
    const driver = new Driver({ types: [Room] })
    const send = operation('send', { oneWay: true })
    const first = driver.start('Room/a', go)
    const second = driver.start('Room/b', send, { parent: first })
    driver.end(first)
    const third = driver.start('Room/c', send, { parent: second })
    driver.end(second)
    assert.equal(third.parent, second)
    assert.equal(second.parent, null)
  })
})

describe('kernel: what is refused', () => {
  it('a call to a full mailbox; it is safe to repeat', () => {
    const driver = new Driver({ types: [classPlan('Room', { mailboxMax: 2 })] })
    const taken = [driver.call('Room/a', go), driver.call('Room/a', go)]
    const refused = driver.call('Room/a', go)
    assert.equal(refused.error.code, 'Overloaded')
    assert.equal(refused.error.retry, 'safe')
    assert.equal(refused.error.message, 'Cannot call "Room/a": its mailbox holds 2 of 2 calls')
    assert.equal(refused.status, 'ended')
    driver.perform()
    for (const call of driver.run()) driver.end(call)
    assert.ok(taken.every((call) => call.status === 'ended'))
    assert.equal(driver.call('Room/a', go).status, 'queued')
  })

  it('unreliable calls before reliable ones', () => {
    const driver = new Driver({ types: [classPlan('Room', { mailboxMax: 4 })] })
    const move = operation('move', { unreliable: true })
    driver.call('Room/a', move)
    driver.call('Room/a', move)
    assert.equal(driver.call('Room/a', move).error.code, 'Overloaded')
    assert.equal(driver.call('Room/a', go).status, 'waiting')
  })

  it('a chain of calls that is too long (checklist 43)', () => {
    const driver = new Driver({ types: [Room], limits: { callDepthMax: 2 } })
    const a = driver.start('Room/a', go)
    const b = driver.start('Room/b', go, { parent: a })
    const c = driver.start('Room/c', go, { parent: b })
    const d = driver.call('Room/d', go, { parent: c })
    assert.equal(d.error.code, 'CallTooDeep')
    assert.equal(d.error.message, 'Cannot call go of "Room/d": the chain is 3 calls long')
  })

  it('nothing of a chain that begins anew with a one-way call', () => {
    const driver = new Driver({ types: [Room], limits: { callDepthMax: 1 } })
    const send = operation('send', { oneWay: true })
    let turn = driver.start('Room/a', go)
    for (let i = 0; i < 5; i += 1) turn = driver.start('Room/a', send, { parent: turn })
    assert.equal(turn.depth, 0)
  })

  it('more waiting calls than a node can hold (checklist 37)', () => {
    const driver = new Driver({ types: [Room], limits: { pendingCallsMax: 1 } })
    driver.call('Room/a', go)
    assert.throws(() => driver.call('Room/a', go), { code: 'Overloaded', retry: 'safe' })
    assert.equal(driver.kernel.counts.pendingCalls, 1)
  })

  it('an activation for which no epoch is granted, with the reason', () => {
    const moved = new EpicError('Moved', 'Cannot activate "Room/a" here')
    const grantEpoch = (): bigint => {
      throw moved
    }
    const driver = new Driver({ types: [Room], grantEpoch })
    assert.equal(driver.call('Room/a', go).error, moved)
    assert.equal(driver.kernel.isEmpty, true)
  })

  it('a new activation while the node stops; those in memory still answer', () => {
    const driver = new Driver({ types: [Room] })
    driver.activate('Room/a')
    driver.kernel.stop()
    assert.equal(driver.call('Room/b', go).error.code, 'NodeStopping')
    assert.equal(driver.call('Room/a', go).status, 'queued')
  })

  it('a new activation when memory is far above its limit', () => {
    const limits = { activationBytesMax: 1000, activationBytesGuess: 600 }
    const driver = new Driver({ types: [Room], limits })
    for (const entity of ['Room/a', 'Room/b', 'Room/c']) driver.call(entity, go)
    const refused = driver.call('Room/d', go)
    assert.equal(refused.error.code, 'Overloaded')
    assert.equal(
      refused.error.message,
      'Cannot activate "Room/d": entities take 1800 of 1000 bytes',
    )
  })

  it('a second type or activation under a name that is taken', () => {
    const driver = new Driver({ types: [Room] })
    const { activations } = driver.type('Room')
    const first = driver.activate('Room/a')
    assert.throws(() => driver.kernel.activate(driver.type('Room'), 'a', 9n), {
      message: '"Room/a" is in memory already',
    })
    assert.throws(() => driver.kernel.addType(Room), { message: 'The type Room is there already' })
    assert.equal(activations.get('a'), first)
  })
})

describe('kernel: deadlines', () => {
  const quick = operation('quick', { timeoutMs: 100 })

  it('a call that is not settled is handed back when its deadline has passed', () => {
    const driver = new Driver({ types: [Room] })
    const call = driver.call('Room/a', quick)
    assert.deepEqual(driver.kernel.handleTick(99), [])
    assert.deepEqual(driver.kernel.handleTick(100), [call])
    assert.deepEqual(driver.kernel.handleTick(200), [])
  })

  it('a settled call is not', () => {
    const driver = new Driver({ types: [Room] })
    driver.end(driver.start('Room/a', quick))
    assert.deepEqual(driver.kernel.handleTick(1000), [])
  })

  it('a call whose deadline has passed does not start, and is safe to repeat', () => {
    const driver = new Driver({ types: [Room] })
    driver.activate('Room/a')
    const late = driver.call('Room/a', quick)
    const next = driver.call('Room/a', go)
    driver.kernel.now = 100
    assert.deepEqual(driver.run(), [next])
    assert.equal(late.error.code, 'Timeout')
    assert.equal(late.error.retry, 'safe')
    assert.equal(
      late.error.message,
      'Cannot call Room/a.quick: its deadline passed before it could start',
    )
    assert.equal(driver.at('Room/a').accepted, 1)
  })

  it('one that waits is taken out of its mailbox', () => {
    const driver = new Driver({ types: [Saved] })
    const call = driver.call('Saved/a', quick)
    for (const expired of driver.kernel.handleTick(100)) {
      assert.equal(driver.kernel.failWaiting(expired, new Error('too late')), true)
    }
    assert.equal(call.error.message, 'too late')
    assert.equal(driver.at('Saved/a').accepted, 0)
    assert.equal(driver.kernel.counts.pendingCalls, 0)
  })

  it('one that does not wait is left in its place', () => {
    const driver = new Driver({ types: [Room] })
    const running = driver.start('Room/a', quick)
    const queued = driver.call('Room/a', quick)
    for (const call of [running, queued]) {
      assert.equal(driver.kernel.failWaiting(call, new Error('too late')), false)
      assert.equal(call.outcome, null)
    }
  })

  it('a call from another node brings its own, which is looked at before it starts', () => {
    const driver = new Driver({ types: [Room] })
    driver.activate('Room/a')
    const call = new TestCall(driver.kernel, 'Room/a', go, {})
    call.deadlineAt = 50
    driver.accept(call)
    driver.kernel.now = 50
    assert.deepEqual(driver.run(), [])
    assert.equal(call.error.code, 'Timeout')
  })
})

describe('kernel: time', () => {
  it('does not go back', () => {
    const driver = new Driver({ types: [Room] })
    driver.kernel.handleTick(1000)
    driver.kernel.handleTick(500)
    assert.equal(driver.kernel.now, 1000)
  })

  it('an entity whose last timer fires is not put away in the same tick', () => {
    const driver = new Driver({ types: [classPlan('Room', { idleAfterMs: 100 })] })
    driver.setTimer(driver.activate('Room/a'), 'once', { dueAt: 1000 })
    driver.kernel.handleTick(1000)
    assert.deepEqual(
      driver.takeEffects().map((effect) => effect.kind),
      ['fire'],
    )
    assert.equal(driver.at('Room/a').usedAt, 1000)
    driver.kernel.handleTick(1099)
    assert.equal(driver.at('Room/a').state, 'active')
    driver.kernel.handleTick(1100)
    assert.equal(driver.at('Room/a').state, 'sleeping')
  })

  it('tells when the next timer fires', () => {
    const driver = new Driver({ types: [Room] })
    assert.equal(driver.kernel.nextTimerAt, Infinity)
    const room = driver.activate('Room/a')
    driver.setTimer(room, 'a', { dueAt: 1234 })
    assert.equal(driver.kernel.nextTimerAt, 1234)
    assert.equal(driver.kernel.cancelTimer(room, 'a'), true)
    assert.equal(driver.kernel.cancelTimer(room, 'a'), false)
    assert.equal(driver.kernel.nextTimerAt, Infinity)
  })
})

describe('kernel: acknowledged durability', () => {
  it('offers each entity once, in the order in which they emitted', () => {
    const driver = new Driver({ types: [Saved] })
    const [a, b] = [driver.activate('Saved/a'), driver.activate('Saved/b')]
    for (const activation of [a, b, a]) driver.kernel.hold(activation, new TestHeld())
    assert.equal(driver.kernel.pollUnsettled(), a)
    a.gate?.takeClean()
    assert.equal(driver.kernel.pollUnsettled(), b)
    b.gate?.takeClean()
    assert.equal(driver.kernel.pollUnsettled(), undefined)
  })

  it('what is emitted during a write leaves after the next comparison', () => {
    const driver = new Driver({ types: [Saved] })
    const a = driver.activate('Saved/a')
    const [before, during] = [new TestHeld(), new TestHeld()]
    driver.kernel.hold(a, before)
    driver.kernel.pollUnsettled()?.gate?.beginWrite()
    driver.kernel.hold(a, during)
    assert.equal(driver.kernel.pollUnsettled(), undefined)
    assert.deepEqual(driver.kernel.handleWritten(a), [before])
    assert.equal(driver.kernel.pollUnsettled(), a)
    assert.deepEqual(a.gate?.takeClean(), [during])
  })

  it('drops what an activation that has ended still emits', () => {
    const driver = new Driver({ types: [Saved] })
    const turn = driver.start('Saved/a', go)
    const activation = driver.at('Saved/a')
    driver.kernel.drop(activation)
    const held = new TestHeld()
    driver.kernel.hold(activation, held)
    assert.equal(held.state, 'dropped')
    assert.equal((held.error as EpicError).code, 'Fenced')
    assert.equal(driver.kernel.pollUnsettled(), undefined)
    driver.end(turn)
    assert.deepEqual(driver.kernel.handleWritten(activation), [])
  })
})

describe('kernel: stopping', () => {
  it('puts away what is idle until nothing is left', () => {
    const driver = new Driver({ types: [Room] })
    const turn = driver.start('Room/a', go)
    driver.setTimer(driver.activate('Room/b'), 'tick', { intervalMs: 10, timesLeft: Infinity })
    driver.kernel.stop()
    driver.kernel.putAllAway('stopping')
    driver.perform()
    assert.equal(driver.has('Room/b'), false)
    assert.equal(driver.kernel.isEmpty, false)
    driver.end(turn)
    driver.kernel.putAllAway('stopping')
    driver.perform()
    assert.equal(driver.kernel.isEmpty, true)
    assert.equal(driver.kernel.counts.timers, 0)
  })

  it('is not over while a call that was left behind waits for its driver', () => {
    const driver = new Driver({ types: [Room] })
    driver.kernel.deactivate(driver.activate('Room/a'), 'requested')
    const call = driver.call('Room/a', go)
    driver.kernel.stop()
    for (const effect of driver.takeEffects()) driver.performOne(effect)
    assert.equal(driver.kernel.counts.activations, 0)
    assert.equal(driver.kernel.isEmpty, false)
    driver.perform()
    assert.equal(call.error.code, 'NodeStopping')
    assert.equal(driver.kernel.isEmpty, true)
  })

  it('keeps entities with timers when the node does not stop', () => {
    const driver = new Driver({ types: [Room] })
    driver.setTimer(driver.activate('Room/a'), 'tick', {})
    driver.kernel.putAllAway('idle')
    assert.equal(driver.at('Room/a').state, 'active')
  })
})
