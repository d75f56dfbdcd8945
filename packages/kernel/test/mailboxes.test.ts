import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { classPlan, Driver, operation } from './driver.ts'

const go = operation('go')
const whole = operation('whole', { lock: 'entity' })
const types = [classPlan('Room'), classPlan('Vault', { hasLocks: true })]

describe('mailboxes: where a call is', () => {
  it('in its mailbox until the entity is awake, then queued, then running', () => {
    for (const entity of ['Room/a', 'Vault/a']) {
      const driver = new Driver({ types })
      const call = driver.call(entity, go)
      assert.deepEqual([call.status, driver.at(entity).waiting], ['waiting', [call]])
      driver.perform()
      assert.deepEqual([call.status, driver.at(entity).waiting], ['queued', null])
      driver.run()
      assert.deepEqual([call.status, driver.kernel.queued], ['running', 0])
    }
  })

  it('at once in the run queue where the entity is awake and nothing excludes it', () => {
    const driver = new Driver({ types })
    driver.activate('Vault/a')
    const [first, second] = [driver.call('Vault/a', go), driver.call('Vault/a', go)]
    assert.deepEqual([first.status, second.status], ['queued', 'queued'])
    assert.equal(driver.call('Vault/a', whole).status, 'waiting')
  })
})

describe('mailboxes: turns', () => {
  it('are named uniquely, and only where the class takes locks', () => {
    const driver = new Driver({ types, nodeId: 'n7' })
    const keys = [1, 2, 3].map(() => driver.start('Vault/a', go).turnKey)
    assert.deepEqual(keys, ['n7:1', 'n7:2', 'n7:3'])
    assert.equal(driver.start('Room/a', go).turnKey, null)
  })

  it('hold their locks from the moment they are queued', () => {
    const driver = new Driver({ types })
    driver.activate('Vault/a')
    const first = driver.call('Vault/a', whole)
    const second = driver.call('Vault/a', whole)
    assert.deepEqual([first.status, second.status], ['queued', 'waiting'])
  })

  it('lose their names with their locks when they are withdrawn', () => {
    const driver = new Driver({ types })
    const activation = driver.activate('Vault/a')
    const queued = driver.call('Vault/a', whole)
    driver.kernel.deactivate(activation, 'requested')
    assert.deepEqual([queued.status, queued.turnKey, activation.turns], ['waiting', null, null])
  })
})

describe('mailboxes: what is withdrawn', () => {
  it('waits ahead of what waited, and leaves the calls of others in their place', () => {
    const driver = new Driver({ types })
    const [a] = [driver.activate('Vault/a'), driver.activate('Vault/b')]
    const queued = driver.call('Vault/a', whole)
    const other = driver.call('Vault/b', whole)
    const waiting = driver.call('Vault/a', go)
    driver.kernel.deactivate(a, 'requested')
    assert.deepEqual(a.waiting, [queued, waiting])
    assert.deepEqual(driver.run(), [other])
  })
})
