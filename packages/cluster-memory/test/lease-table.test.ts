import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LeaseTable } from '#src/lease-table.ts'

describe('lease table', () => {
  it('expires a lease when its time has passed, not a moment before', () => {
    const table = new LeaseTable()
    table.add({ id: 'a', ttlMs: 100 }, 1_000)
    assert.deepEqual(table.expired(1_099.999), [])
    assert.deepEqual(
      table.expired(1_100).map((lease) => lease.id),
      ['a'],
    )
  })

  it('starts the whole time again on renewal', () => {
    const table = new LeaseTable()
    const lease = table.add({ id: 'a', ttlMs: 100 }, 0)
    table.renew(lease, 90)
    assert.deepEqual(table.expired(189), [])
    assert.equal(table.expired(190).length, 1)
  })

  it('tells the longest overdue first', () => {
    const table = new LeaseTable()
    table.add({ id: 'late', ttlMs: 300 }, 0)
    table.add({ id: 'soon', ttlMs: 100 }, 0)
    table.add({ id: 'later', ttlMs: 200 }, 0)
    assert.deepEqual(
      table.expired(1_000).map((lease) => lease.id),
      ['soon', 'later', 'late'],
    )
  })

  it('says when to look again: never later than the next expiry', () => {
    const table = new LeaseTable()
    assert.equal(table.nextExpiryAt, Number.POSITIVE_INFINITY)
    const lease = table.add({ id: 'a', ttlMs: 100 }, 0)
    table.add({ id: 'b', ttlMs: 500 }, 0)
    assert.equal(table.nextExpiryAt, 100)
    table.renew(lease, 50)
    table.expired(100)
    assert.equal(table.nextExpiryAt, 150)
  })

  it('has forgotten what was removed', () => {
    const table = new LeaseTable()
    table.add({ id: 'a', ttlMs: 100 }, 0)
    table.remove('a')
    assert.equal(table.get('a'), undefined)
    assert.deepEqual(table.expired(1_000), [])
  })
})
