import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Timer } from '@epicserver/kernel'
import { classPlan, Driver } from './driver.ts'

function room(limits = {}): { driver: Driver; fired: (now: number) => string[] } {
  const driver = new Driver({ types: [classPlan('Room')], limits })
  driver.activate('Room/a')
  const fired = (now: number): string[] => {
    driver.kernel.handleTick(now)
    const effects = driver.takeEffects()
    driver.kernel.assertInvariants()
    return effects.flatMap((effect) => (effect.kind === 'fire' ? [effect.timer.key] : []))
  }
  return { driver, fired }
}

describe('entity timers: a timer', () => {
  it('fires once, and is then forgotten', () => {
    const { driver, fired } = room()
    driver.setTimer(driver.at('Room/a'), 'respawn', { dueAt: 500 })
    assert.deepEqual(fired(499), [])
    assert.deepEqual(fired(500), ['respawn'])
    assert.deepEqual(fired(5000), [])
    assert.equal(driver.at('Room/a').timers, null)
    assert.equal(driver.kernel.cancelTimer(driver.at('Room/a'), 'respawn'), false)
  })

  it('fires as often as asked, at its interval', () => {
    const { driver, fired } = room()
    driver.setTimer(driver.at('Room/a'), 'tick', { dueAt: 10, intervalMs: 10, timesLeft: 3 })
    const times = [10, 15, 20, 30, 40].map((now) => fired(now).length)
    assert.deepEqual(times, [1, 0, 1, 1, 0])
    assert.equal(driver.kernel.counts.timers, 0)
  })

  it('keeps its rhythm over a pause, and does not make up for what it missed', () => {
    const { driver, fired } = room()
    const activation = driver.at('Room/a')
    const timer = driver.setTimer(activation, 'tick', {
      dueAt: 100,
      intervalMs: 100,
      timesLeft: Infinity,
    })
    assert.deepEqual(fired(100), ['tick'])
    assert.deepEqual(fired(1234), ['tick'])
    assert.equal(timer.dueAt, 1300)
    assert.deepEqual(fired(1299), [])
    assert.deepEqual(fired(1300), ['tick'])
  })

  it('replaces the one of the same key, and no other', () => {
    const { driver, fired } = room()
    const activation = driver.at('Room/a')
    for (const [key, dueAt] of [
      ['a', 10],
      ['b', 10],
      ['a', 20],
    ] as const) {
      driver.setTimer(activation, key, { dueAt })
    }
    assert.equal(driver.kernel.counts.timers, 2)
    assert.deepEqual(fired(10), ['b'])
    assert.deepEqual(fired(20), ['a'])
  })

  it('set again by what it fired starts anew', () => {
    const { driver, fired } = room()
    const activation = driver.at('Room/a')
    driver.setTimer(activation, 'tick', { dueAt: 10 })
    assert.deepEqual(fired(12), ['tick'])
    driver.setTimer(activation, 'tick', { dueAt: 12 })
    assert.deepEqual(fired(12), ['tick'])
    assert.deepEqual(fired(12), [])
  })

  it('due at no time is a mistake of the program', () => {
    const { driver } = room()
    assert.throws(() => driver.setTimer(driver.at('Room/a'), 'tick', { dueAt: NaN }), {
      message: 'The timer "tick" of "Room/a" is due at no time',
    })
  })
})

describe('entity timers: their number', () => {
  it('is bounded for each entity; replacing one is always possible (checklist 43)', () => {
    const { driver } = room({ timersPerEntityMax: 2 })
    const activation = driver.at('Room/a')
    const timers: Timer[] = ['a', 'b'].map((key) => driver.setTimer(activation, key, {}))
    assert.throws(() => driver.setTimer(activation, 'c', {}), {
      code: 'Overloaded',
      message: 'Cannot set the timer "c" of "Room/a": it has 2 of 2 timers',
    })
    driver.setTimer(activation, 'b', {})
    assert.deepEqual([...(activation.timers?.keys() ?? [])], ['a', 'b'])
    assert.equal(timers[1]?.slot, null)
    driver.kernel.assertInvariants()
  })
})
