import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Activation, Effect } from '@epicserver/kernel'
import { classPlan, Driver, operation, TestHeld } from './driver.ts'

const go = operation('go')
const Room = classPlan('Room')
const Saved = classPlan('Saved', { durability: 'acknowledged' })
const Vault = classPlan('Vault', { hasLocks: true, durability: 'manual' })
const locked = operation('locked', { lock: 'entity' })

/** An entity whose claim or wake is under way, with a call that waits for it. */
function begun(until: 'claiming' | 'waking'): [Driver, Activation, ReturnType<Driver['call']>] {
  const driver = new Driver({ types: [Saved] })
  const call = driver.call('Saved/a', go)
  const activation = driver.at('Saved/a')
  driver.takeEffects()
  if (until === 'waking') driver.kernel.handleClaimed(activation)
  return [driver, activation, call]
}

function kinds(effects: readonly Effect[]): string[] {
  return effects.map((effect) => effect.kind)
}

describe('lifecycle: beginning', () => {
  it('asks for a claim, then for waking, then lets calls run', () => {
    const [driver, activation, call] = begun('claiming')
    driver.kernel.handleClaimed(activation)
    assert.deepEqual(kinds(driver.takeEffects()), ['wake'])
    assert.deepEqual(driver.run(), [])
    driver.kernel.now = 50
    driver.kernel.handleAwake(activation)
    assert.equal(activation.usedAt, 50)
    assert.deepEqual(driver.run(), [call])
  })

  it('a failed claim fails what waited, and the next call tries again', () => {
    const [driver, activation, call] = begun('claiming')
    driver.kernel.handleClaimFailed(activation, new Error('fenced'))
    assert.equal(call.error.message, 'fenced')
    assert.equal(activation.state, 'gone')
    assert.deepEqual(kinds(driver.takeEffects()), ['gone'])
    assert.equal(driver.kernel.isEmpty, true)
    driver.call('Saved/a', go)
    assert.deepEqual(kinds(driver.takeEffects()), ['claim'])
  })

  it('waking that throws nothing at all still fails what waited', () => {
    const [driver, activation, call] = begun('waking')
    driver.kernel.handleWakeFailed(activation, undefined)
    assert.deepEqual(call.outcome, { error: undefined })
    assert.deepEqual(kinds(driver.takeEffects()), ['gone'])
  })

  it('waking that fails takes its timers and what it sent along', () => {
    const [driver, activation] = begun('waking')
    driver.setTimer(activation, 'tick', { dueAt: 10 })
    const held = new TestHeld()
    driver.kernel.hold(activation, held)
    driver.kernel.handleWakeFailed(activation, new Error('no'))
    assert.equal(held.state, 'dropped')
    assert.equal(driver.kernel.counts.timers, 0)
    driver.kernel.assertInvariants()
  })

  it('answers that come late, or for another state, are left out', () => {
    const [driver, activation] = begun('waking')
    driver.kernel.handleClaimed(activation)
    driver.kernel.handleClaimFailed(activation, new Error('late'))
    driver.kernel.handleAsleep(activation)
    assert.equal(activation.state, 'waking')
    driver.kernel.drop(activation)
    driver.kernel.handleAwake(activation)
    driver.kernel.handleWakeFailed(activation, new Error('late'))
    assert.equal(activation.state, 'gone')
    assert.equal(driver.kernel.counts.activations, 0)
  })
})

describe('lifecycle: being put away', () => {
  it('waits until nothing runs and nothing is held back', () => {
    const driver = new Driver({ types: [Saved] })
    const turn = driver.start('Saved/a', go)
    const activation = driver.at('Saved/a')
    assert.equal(driver.kernel.deactivate(activation, 'requested'), false)
    driver.end(turn)
    driver.kernel.hold(activation, new TestHeld())
    assert.equal(driver.kernel.deactivate(activation, 'requested'), false)
    activation.gate?.takeClean()
    assert.equal(driver.kernel.deactivate(activation, 'requested'), true)
    assert.equal(driver.kernel.deactivate(activation, 'requested'), false)
    assert.deepEqual(driver.takeEffects().at(-1), {
      kind: 'sleep',
      activation,
      reason: 'requested',
    })
  })

  it('sends calls that come meanwhile to the next activation, in order', () => {
    const driver = new Driver({ types: [Room] })
    const old = driver.activate('Room/a')
    const queued = [driver.call('Room/a', go), driver.call('Room/a', go)]
    driver.kernel.deactivate(old, 'requested')
    const later = driver.call('Room/a', go)
    assert.deepEqual(driver.run(), [])
    assert.equal(old.accepted, 3)
    driver.perform()
    assert.equal(old.accepted, 0)
    assert.notEqual(driver.at('Room/a'), old)
    assert.deepEqual(driver.run(), [...queued, later])
  })

  it('does so under locks too, where what was queued gives its locks back', () => {
    const driver = new Driver({ types: [Vault] })
    const old = driver.activate('Vault/a')
    const calls = [driver.call('Vault/a', locked), driver.call('Vault/a', locked)]
    driver.kernel.deactivate(old, 'requested')
    driver.kernel.assertInvariants()
    calls.push(driver.call('Vault/a', locked))
    driver.perform()
    for (const call of calls) {
      assert.deepEqual(driver.run(), [call])
      driver.end(call)
    }
  })

  it('takes along the timers that waking or sleeping set', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.setTimer(activation, 'before', {})
    driver.kernel.deactivate(activation, 'requested')
    assert.equal(driver.kernel.counts.timers, 0)
    driver.setTimer(activation, 'during', {})
    driver.perform()
    assert.equal(driver.kernel.counts.timers, 0)
  })

  it('lets what was sent meanwhile leave once the state is durable', () => {
    const driver = new Driver({ types: [Saved] })
    const activation = driver.activate('Saved/a')
    driver.kernel.deactivate(activation, 'requested')
    const farewell = new TestHeld()
    driver.kernel.hold(activation, farewell)
    driver.kernel.handleAsleep(activation)
    assert.equal(farewell.state, 'released')
  })
})

describe('lifecycle: being dropped', () => {
  it('returns what was held back, before and during a write', () => {
    const driver = new Driver({ types: [Saved] })
    const activation = driver.activate('Saved/a')
    const held = [new TestHeld(), new TestHeld()]
    driver.kernel.hold(activation, held[0] as TestHeld)
    activation.gate?.beginWrite()
    driver.kernel.hold(activation, held[1] as TestHeld)
    assert.deepEqual(driver.kernel.drop(activation), held)
    assert.deepEqual(driver.kernel.drop(activation), [])
  })

  it('lets turns run to their end, which concern the next activation no more', () => {
    const driver = new Driver({ types: [Vault] })
    const stale = driver.start('Vault/a', locked)
    const old = driver.at('Vault/a')
    driver.kernel.drop(old)
    const next = driver.start('Vault/a', locked)
    driver.end(stale)
    assert.equal(old.running, 0)
    assert.equal(old.accepted, 0)
    assert.equal(old.turns, null)
    assert.deepEqual(driver.at('Vault/a').turns, [next])
  })

  it('sends what had not started to the next activation, what was queued first', () => {
    const driver = new Driver({ types: [Vault] })
    const running = driver.start('Vault/a', operation('read'))
    const queued = driver.call('Vault/a', operation('read'))
    const waiting = driver.call('Vault/a', locked)
    driver.kernel.drop(driver.at('Vault/a'))
    assert.deepEqual(
      driver.takeEffects().filter(({ kind }) => kind === 'redirect'),
      [
        { kind: 'redirect', call: queued },
        { kind: 'redirect', call: waiting },
      ],
    )
    driver.end(running)
    assert.equal(driver.kernel.counts.waitingForLocks, 0)
  })

  it('fails what had not started, where that makes no sense elsewhere', () => {
    const driver = new Driver({ types: [Vault] })
    const running = driver.start('Vault/a', operation('read'))
    const unrun = [driver.call('Vault/a', operation('read')), driver.call('Vault/a', locked)]
    const old = driver.at('Vault/a')
    driver.kernel.drop(old, new Error('forgotten'))
    for (const call of unrun) assert.equal(call.error.message, 'forgotten')
    assert.deepEqual(kinds(driver.takeEffects()), ['gone'])
    assert.equal(running.outcome, null)
    assert.equal(old.accepted, 1)
  })

  it('takes along timers, and a turn that outlives it sets none', () => {
    const driver = new Driver({ types: [Room] })
    const turn = driver.start('Room/a', go)
    const activation = driver.at('Room/a')
    driver.setTimer(activation, 'before', {})
    driver.kernel.drop(activation)
    driver.setTimer(activation, 'after', {})
    assert.equal(driver.kernel.counts.timers, 0)
    assert.equal(driver.kernel.nextTimerAt, Infinity)
    driver.end(turn)
  })

  it('can happen in every state that has an end', () => {
    for (const until of ['claiming', 'waking'] as const) {
      const [driver, activation, call] = begun(until)
      driver.kernel.drop(activation)
      driver.kernel.assertInvariants()
      driver.perform()
      assert.deepEqual(driver.run(), [call], until)
    }
    const driver = new Driver({ types: [Saved] })
    const activation = driver.activate('Saved/a')
    driver.kernel.deactivate(activation, 'requested')
    driver.kernel.drop(activation)
    driver.kernel.assertInvariants()
    assert.equal(driver.kernel.isEmpty, true)
  })
})

describe('lifecycle: what an entity costs', () => {
  it('is what was measured last, and nothing when it is gone', () => {
    const driver = new Driver({ types: [Room], limits: { activationBytesGuess: 600 } })
    const activation = driver.activate('Room/a')
    assert.equal(driver.kernel.counts.activationBytes, 600)
    driver.kernel.measure(activation, 5000)
    assert.equal(driver.kernel.counts.activationBytes, 5000)
    driver.kernel.deactivate(activation, 'requested')
    driver.kernel.measure(activation, 7000)
    driver.kernel.assertInvariants()
    driver.perform()
    driver.kernel.measure(activation, 9000)
    assert.equal(driver.kernel.counts.activationBytes, 0)
    driver.kernel.assertInvariants()
  })
})
