import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { classPlan, Driver } from './driver.ts'

const Saved = classPlan('Saved', { durability: 'manual' })

function kindsAfter(prepare: (driver: Driver) => void): string[] {
  const driver = new Driver({ types: [Saved] })
  prepare(driver)
  return driver.takeEffects().map(({ kind }) => kind)
}

describe('effects', () => {
  it('are told in the order in which they arose', () => {
    const kinds = kindsAfter((driver) => {
      driver.kernel.activate(driver.type('Saved'), 'a', 1n)
      driver.kernel.handleClaimed(driver.at('Saved/a'))
    })
    assert.deepEqual(kinds, ['claim', 'wake'])
  })

  it('that concern an activation which has ended are left out, but for its end', () => {
    const kinds = kindsAfter((driver) => {
      driver.kernel.activate(driver.type('Saved'), 'a', 1n)
      driver.kernel.handleClaimed(driver.at('Saved/a'))
      driver.kernel.drop(driver.at('Saved/a'))
    })
    assert.deepEqual(kinds, ['gone'])
  })

  it('do not fire a timer of an entity that is put away or gone', () => {
    for (const end of ['deactivate', 'drop'] as const) {
      const kinds = kindsAfter((driver) => {
        const activation = driver.activate('Saved/a')
        driver.setTimer(activation, 'tick', { dueAt: 10 })
        driver.kernel.handleTick(10)
        driver.kernel[end](activation, 'requested')
      })
      assert.deepEqual(kinds, end === 'drop' ? ['gone'] : ['sleep'])
    }
  })
})
