import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { classPlan, Driver, operation } from './driver.ts'

const go = operation('go')
const Room = classPlan('Room')

describe('draining: an entity that must go while it is busy', () => {
  it('takes nothing new, and is put away when its turns have ended', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    const running = driver.start('Room/a', go)
    assert.equal(driver.kernel.retire(activation, 'moving'), false)
    assert.equal(activation.state, 'draining')
    const late = driver.call('Room/a', go)
    assert.deepEqual(driver.run(), [])
    assert.equal(late.status, 'waiting')
    driver.end(running)
    assert.equal(driver.kernel.retire(activation, 'moving'), true)
    driver.kernel.handleAsleep(activation)
    const redirected = driver.takeEffects().filter((effect) => effect.kind === 'redirect')
    assert.deepEqual(
      redirected.map(({ call }) => call),
      [late],
    )
    driver.kernel.assertInvariants()
  })

  it('runs what one of its own turns waits for, or it would never come to rest', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    const turn = driver.start('Room/a', go)
    driver.kernel.retire(activation, 'moving')
    const own = driver.call('Room/a', go, { parent: turn })
    assert.deepEqual(driver.run(), [own])
    driver.kernel.assertInvariants()
  })

  it('may be dropped meanwhile, and what waited goes on elsewhere', () => {
    const driver = new Driver({ types: [Room] })
    const activation = driver.activate('Room/a')
    driver.start('Room/a', go)
    driver.kernel.retire(activation, 'moving')
    const late = driver.call('Room/a', go)
    driver.kernel.drop(activation)
    assert.equal(activation.state, 'gone')
    assert.equal(
      driver.takeEffects().some((effect) => effect.kind === 'redirect' && effect.call === late),
      true,
    )
  })
})
