import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { classPlan, Driver, operation, TestCall } from './driver.ts'

const go = operation('go')
const send = operation('send', { oneWay: true })
const locked = operation('locked', { lock: 'entity' })
const types = [classPlan('Room'), classPlan('Vault', { hasLocks: true })]

describe('call: its chain', () => {
  it('begins with a call from outside', () => {
    const call = new Driver({ types }).make('Room/a', go)
    assert.equal(call.depth, 0)
    assert.deepEqual(call.above, [])
  })

  it('grows by a link with each call, and by a turn where the class takes locks', () => {
    const driver = new Driver({ types })
    const room = driver.start('Room/a', go)
    const vault = driver.start('Vault/a', locked, { parent: room })
    const last = driver.make('Room/b', go, { parent: vault })
    assert.deepEqual([room.depth, vault.depth, last.depth], [0, 1, 2])
    assert.deepEqual(vault.above, [])
    assert.deepEqual(last.above, [vault.turnKey])
  })

  it('goes on where it was on the node that the call comes from', () => {
    const driver = new Driver({ types })
    const origin = { depth: 4, above: ['n2:1', 'n2:7'] }
    const turn = driver.start('Vault/a', locked, { origin })
    const next = driver.make('Room/a', go, { parent: turn })
    assert.equal(next.depth, 5)
    assert.deepEqual(next.above, ['n2:1', 'n2:7', turn.turnKey])
  })

  it('begins anew with a one-way call, for which nobody waits', () => {
    const driver = new Driver({ types })
    const vault = driver.start('Vault/a', locked)
    const message = driver.make('Vault/a', send, { parent: vault })
    assert.equal(message.parent, vault)
    assert.equal(message.depth, 0)
    assert.deepEqual(message.above, [])
    assert.deepEqual(
      new TestCall(driver.kernel, 'Room/a', send, { origin: { depth: 3, above: ['x'] } }).above,
      [],
    )
  })

  it('begins anew with what code calls whose turn is over', () => {
    const driver = new Driver({ types })
    const vault = driver.start('Vault/a', locked)
    driver.end(vault)
    const late = driver.make('Vault/a', go, { parent: vault })
    assert.equal(late.depth, 0)
    assert.deepEqual(late.above, [])
  })
})

describe('call: an end without a turn', () => {
  it('fails it', () => {
    const call = new Driver({ types }).make('Room/a', go)
    call.endUnrun(new Error('full'))
    assert.equal(call.status, 'ended')
    assert.equal(call.error.message, 'full')
  })
})
