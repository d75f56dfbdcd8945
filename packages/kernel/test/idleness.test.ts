import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeactivationReason, KernelLimits } from '@epicserver/kernel'
import { classPlan, Driver, operation, TestHeld } from './driver.ts'

const Room = classPlan('Room', { idleAfterMs: 60_000 })
const Saved = classPlan('Saved', { idleAfterMs: 60_000, durability: 'acknowledged' })

/** Rooms `Room/0`, `Room/1`… of 1,000 bytes each, last used at one second after another. */
function rooms(count: number, limits: Partial<KernelLimits> = {}): Driver {
  const driver = new Driver({
    types: [Room, Saved],
    limits: { activationBytesGuess: 1000, ...limits },
  })
  for (let i = 0; i < count; i += 1) driver.activate(`Room/${i}`).usedAt = i * 1000
  return driver
}

/** Who is put away at a tick, and why. Their end is left to the test. */
function putAway(driver: Driver, now: number): [string, DeactivationReason][] {
  driver.kernel.handleTick(now)
  return driver
    .takeEffects()
    .flatMap((effect): [string, DeactivationReason][] =>
      effect.kind === 'sleep' ? [[effect.activation.id, effect.reason]] : [],
    )
}

describe('idleness: an entity', () => {
  it('is put away when it was idle for as long as its class says', () => {
    const driver = rooms(2)
    assert.deepEqual(putAway(driver, 59_999), [])
    assert.deepEqual(putAway(driver, 60_000), [['0', 'idle']])
    assert.deepEqual(putAway(driver, 61_000), [['1', 'idle']])
  })

  it('stays while it runs, holds back, has a timer or is used', () => {
    const driver = rooms(2)
    driver.start('Room/0', operation('go'))
    driver.setTimer(driver.at('Room/1'), 'tick', { dueAt: 1e9 })
    driver.kernel.hold(driver.activate('Saved/a'), new TestHeld())
    driver.activate('Saved/b')
    driver.kernel.now = 50_000
    driver.end(driver.start('Saved/b', operation('go')))
    assert.deepEqual(putAway(driver, 100_000), [])
  })
})

describe('idleness: memory', () => {
  it('that is short puts away those used longest ago, just as many as needed', () => {
    const driver = rooms(10, { activationBytesMax: 8000 })
    assert.deepEqual(putAway(driver, 20_000), [
      ['0', 'memory'],
      ['1', 'memory'],
    ])
  })

  it('that is being freed already puts away no more', () => {
    const driver = rooms(10, { activationBytesMax: 8000 })
    assert.equal(putAway(driver, 20_000).length, 2)
    assert.deepEqual(putAway(driver, 20_001), [])
    driver.kernel.assertInvariants()
  })

  it('that is short puts away at most the older half of what a look sees', () => {
    const driver = rooms(10, { activationBytesMax: 1 })
    assert.deepEqual(
      putAway(driver, 20_000).map(([id]) => id),
      ['0', '1', '2', '3', '4'],
    )
  })

  it('that is short never puts away what was used within the last second', () => {
    const driver = rooms(10, { activationBytesMax: 1 })
    assert.deepEqual(
      putAway(driver, 1500).map(([id]) => id),
      ['0'],
    )
  })

  it('counts what is idle too long first', () => {
    const driver = rooms(10, { activationBytesMax: 8000 })
    assert.deepEqual(putAway(driver, 61_000), [
      ['0', 'idle'],
      ['1', 'idle'],
    ])
  })
})

describe('idleness: the look', () => {
  it('is at a bounded number at a time, and goes round', () => {
    const driver = rooms(10, { sweepSize: 4 })
    const looks = [0, 1, 2].map(() => putAway(driver, 1e6).length)
    assert.deepEqual(looks, [4, 4, 2])
    assert.deepEqual(putAway(driver, 1e6), [])
  })

  it('finds those that came while it went round', () => {
    const driver = rooms(4, { sweepSize: 3 })
    assert.equal(putAway(driver, 1e6).length, 3)
    driver.activate('Room/new')
    assert.deepEqual(
      putAway(driver, 2e6).map(([id]) => id),
      ['3', 'new'],
    )
  })

  it('with memory short and many entities settles just below the limit', () => {
    const driver = rooms(1000, { activationBytesMax: 300_000, sweepSize: 100 })
    for (let now = 2_000_000; now < 2_000_100; now += 1) {
      for (const activation of driver.type('Room').activations.values())
        activation.usedAt = now - 2000
      putAway(driver, now)
      for (const activation of [...driver.type('Room').activations.values()]) {
        driver.kernel.handleAsleep(activation)
      }
    }
    assert.equal(driver.kernel.counts.activations, 300)
    driver.kernel.assertInvariants()
  })
})
