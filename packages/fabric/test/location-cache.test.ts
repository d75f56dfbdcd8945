import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LocationCache } from '#src/location-cache.ts'

describe('location cache', () => {
  it('takes what is newer, and not what is older', () => {
    const cache = new LocationCache()
    cache.learn('P/1', { host: 'a', epoch: 2n })
    cache.learn('P/1', { host: 'b', epoch: 1n })
    assert.equal(cache.get('P/1')?.host, 'a')
    cache.learn('P/1', { host: 'c', epoch: 3n })
    assert.equal(cache.get('P/1')?.host, 'c')
  })

  it('forgets a place where the entity was not, unless it knows better by now', () => {
    const cache = new LocationCache()
    cache.learn('P/1', { host: 'a', epoch: 2n })
    cache.forget('P/1', 'b')
    assert.equal(cache.get('P/1')?.host, 'a')
    cache.forget('P/1', 'a')
    assert.equal(cache.get('P/1'), undefined)
  })

  it('forgets first what was used least recently', () => {
    const cache = new LocationCache(2)
    cache.learn('P/1', { host: 'a', epoch: 1n })
    cache.learn('P/2', { host: 'a', epoch: 1n })
    cache.get('P/1')
    cache.learn('P/3', { host: 'a', epoch: 1n })
    assert.equal(cache.size, 2)
    assert.equal(cache.get('P/2'), undefined)
    assert.equal(cache.get('P/1')?.host, 'a')
  })

  it('forgets the places of nodes that are gone', () => {
    const cache = new LocationCache()
    cache.learn('P/1', { host: 'a', epoch: 1n })
    cache.learn('P/2', { host: 'b', epoch: 1n })
    cache.prune((nodeId) => nodeId === 'b')
    assert.equal(cache.size, 1)
    assert.equal(cache.get('P/1'), undefined)
  })
})
