import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Activation } from '@epicserver/kernel'
import { classPlan, Driver, operation, TestHeld } from './driver.ts'

const go = operation('go')
const Room = classPlan('Room')
const Saved = classPlan('Saved', { durability: 'acknowledged' })

function rested(driver: Driver): Activation[] {
  return driver
    .takeEffects()
    .flatMap((effect) => (effect.kind === 'rested' ? [effect.activation] : []))
}

describe('moving: an entity that is to live elsewhere', () => {
  it('drains, says when it has come to rest, and is sealed then', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    const turn = driver.start('Room/a', go)
    assert.equal(driver.kernel.seal(activation), false)
    driver.kernel.drain(activation)
    assert.deepEqual(rested(driver), [])
    driver.end(turn)
    assert.deepEqual(rested(driver), [activation])
    assert.equal(driver.kernel.seal(activation), true)
    assert.equal(activation.state, 'moving')
    driver.kernel.assertInvariants()
  })

  it('says at once that it rests, where nothing of it runs', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.kernel.drain(activation)
    assert.deepEqual(rested(driver), [activation])
  })

  it('does not rest while something waits at its gate', () => {
    const driver = new Driver({ types: [Saved] })
    const activation = driver.activate('Saved/a')
    driver.kernel.hold(activation, new TestHeld())
    driver.kernel.drain(activation)
    assert.deepEqual(rested(driver), [])
    assert.equal(driver.kernel.seal(activation), false)
    for (const held of activation.gate?.takeClean() ?? []) held.release()
    driver.kernel.noteRest(activation)
    assert.deepEqual(rested(driver), [activation])
  })

  it('leaves what waited to the driver, in order, when it has moved', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.kernel.seal(activation)
    const calls = [driver.call('Room/a', go), driver.call('Room/a', go)]
    assert.deepEqual(driver.run(), [])
    driver.kernel.handleMoved(activation)
    const redirected = driver
      .takeEffects()
      .flatMap((effect) => (effect.kind === 'redirect' ? [effect.call] : []))
    assert.deepEqual(redirected, calls)
    assert.equal(driver.kernel.isEmpty, true)
    driver.kernel.assertInvariants()
  })

  it('goes on with what waited when it stays', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.kernel.seal(activation)
    const call = driver.call('Room/a', go)
    driver.kernel.handleStayed(activation)
    assert.deepEqual(driver.run(), [call])
    driver.kernel.assertInvariants()
  })

  it('knows whether something that it has sent waits for another entity of its node', () => {
    const driver = new Driver({ types: [Room] })
    const [sender, busy] = [driver.activate('Room/a'), driver.activate('Room/b')]
    driver.kernel.drain(busy)
    const turn = driver.start('Room/a', go)
    driver.call('Room/b', go, { parent: turn })
    driver.call('Room/a', go, { parent: turn })
    driver.end(turn)
    assert.equal(sender.sentWaiting, 1)
    driver.kernel.assertInvariants()
    driver.kernel.handleStayed(busy)
    assert.equal(sender.sentWaiting, 0)
    driver.kernel.assertInvariants()
  })

  it('stays out of the middle of draining, too', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    const turn = driver.start('Room/a', go)
    driver.kernel.drain(activation)
    const call = driver.call('Room/a', go)
    driver.kernel.handleStayed(activation)
    assert.deepEqual(driver.run(), [call])
    driver.end(turn)
    assert.equal(activation.state, 'active')
    driver.kernel.assertInvariants()
  })

  it('fires no timer while it is sealed, and what came due then when it stays', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.setTimer(activation, 'tick', { dueAt: 10 })
    driver.kernel.seal(activation)
    driver.kernel.assertInvariants()
    const fired = (now: number): string[] => {
      driver.kernel.handleTick(now)
      return driver
        .takeEffects()
        .flatMap((effect) => (effect.kind === 'fire' ? [effect.timer.key] : []))
    }
    assert.deepEqual(fired(100), [])
    driver.kernel.handleStayed(activation)
    assert.deepEqual(fired(116), ['tick'])
    driver.kernel.assertInvariants()
  })

  it('keeps a timer that is set while it is sealed, and lets it run once when it stays', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.kernel.seal(activation)
    driver.setTimer(activation, 'tick', { dueAt: 10 })
    driver.kernel.assertInvariants()
    driver.kernel.handleStayed(activation)
    driver.kernel.assertInvariants()
    driver.kernel.handleTick(100)
    assert.equal(driver.takeEffects().filter(({ kind }) => kind === 'fire').length, 1)
    driver.kernel.assertInvariants()
  })

  it('that arrives lets calls wait until it is claimed, and asks for no claim itself', () => {
    const driver = new Driver({ types: [Saved] })
    const type = driver.kernel.types.get('Saved')
    assert.ok(type)
    const activation = driver.kernel.adopt(type, 'a', 7n)
    const call = driver.call('Saved/a', go)
    assert.deepEqual(driver.takeEffects(), [])
    driver.kernel.handleClaimed(activation)
    driver.kernel.handleAwake(activation)
    assert.deepEqual(driver.run(), [call])
    driver.kernel.assertInvariants()
  })
})
