import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { classPlan, Driver, operation } from './driver.ts'

const go = operation('go')

describe('redirects: calls of one entity', () => {
  it('keep their order, also with one that comes while they are on their way', () => {
    const driver = new Driver({ types: [classPlan('Room')] })
    const old = driver.activate('Room/a')
    const queued = driver.call('Room/a', go)
    driver.kernel.drop(old)
    const later = driver.call('Room/a', go)
    assert.equal(later.status, 'made')
    const elsewhere = driver.call('Room/b', go)
    assert.equal(elsewhere.status, 'waiting')
    driver.perform()
    assert.deepEqual(driver.run(), [elsewhere, queued, later])
  })

  it('keep it when the next activation ends before all have reached it', () => {
    const driver = new Driver({ types: [classPlan('Room')] })
    const calls = [driver.call('Room/a', go), driver.call('Room/a', go), driver.call('Room/a', go)]
    driver.kernel.drop(driver.at('Room/a'))
    for (let i = 0; i < 2; i += 1) {
      const effect = driver.kernel.pollEffect()
      assert.ok(effect !== undefined)
      driver.performOne(effect)
    }
    driver.kernel.drop(driver.at('Room/a'))
    driver.kernel.assertInvariants()
    calls.push(driver.call('Room/a', go))
    driver.perform()
    assert.deepEqual(driver.run(), calls)
  })

  it('keep it where the caller holds the next activation already', () => {
    const driver = new Driver({ types: [classPlan('Room')] })
    const old = driver.activate('Room/a')
    const queued = driver.call('Room/a', go)
    driver.kernel.drop(old)
    const next = driver.kernel.activate(driver.type('Room'), 'a', 2n)
    const later = driver.make('Room/a', go)
    driver.kernel.acceptAt(next, later)
    driver.perform()
    assert.deepEqual(driver.run(), [queued, later])
  })

  it('come before all other effects, so that nothing gets between them', () => {
    const driver = new Driver({ types: [classPlan('Room')] })
    const old = driver.activate('Room/a')
    driver.call('Room/a', go)
    driver.call('Room/a', go)
    driver.call('Room/b', go)
    driver.kernel.drop(old)
    assert.deepEqual(
      driver.takeEffects().map(({ kind }) => kind),
      ['redirect', 'redirect', 'wake', 'gone'],
    )
  })

  it('take the straight way again when all are placed', () => {
    const driver = new Driver({ types: [classPlan('Room')] })
    driver.call('Room/a', go)
    driver.kernel.drop(driver.at('Room/a'))
    driver.perform()
    assert.equal(driver.call('Room/a', go).status, 'queued')
    assert.equal(driver.type('Room').redirects.size, 0)
  })

  it('belong to no activation on their way', () => {
    const driver = new Driver({ types: [classPlan('Room')] })
    const call = driver.call('Room/a', go)
    driver.kernel.drop(driver.at('Room/a'))
    assert.equal(call.activation, null)
    driver.kernel.assertInvariants()
  })
})
