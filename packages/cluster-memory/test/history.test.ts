import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WatchEvent } from '@epicserver/contracts'
import { History } from '#src/history.ts'

const gone = (key: string, rev: bigint): WatchEvent => ({ kind: 'delete', key, rev })

describe('history', () => {
  it('tells what lies between two revisions, under a prefix', () => {
    const history = new History(0n, 10_000)
    for (let rev = 1n; rev <= 5n; rev += 1n) history.add(rev, [gone('a', rev), gone('b', rev)])
    assert.deepEqual(history.between(2n, 4n, 'a'), [gone('a', 3n), gone('a', 4n)])
    assert.deepEqual(history.between(5n, 5n, ''), [])
  })

  it('knows nothing of what was before it began', () => {
    const history = new History(7n, 10_000)
    assert.equal(history.between(6n, 7n, ''), 'reset')
    assert.deepEqual(history.between(7n, 7n, ''), [])
  })

  it('is bounded in bytes: the oldest falls out, and asking for it is told', () => {
    const history = new History(0n, 1_020)
    for (let rev = 1n; rev <= 1_000n; rev += 1n) history.add(rev, [gone('k', rev)])
    assert.equal(history.between(989n, 1_000n, ''), 'reset')
    const kept = history.between(990n, 1_000n, '')
    assert.equal(kept.length, 10)
    assert.deepEqual(kept[0], gone('k', 991n))
  })

  it('does not keep one change that is larger than all it may keep', () => {
    const history = new History(0n, 50)
    history.add(1n, [gone('k', 1n)])
    assert.equal(history.between(0n, 1n, ''), 'reset')
    assert.deepEqual(history.between(1n, 1n, ''), [])
  })

  it('begins anew when it is cleared', () => {
    const history = new History(0n, 10_000)
    history.add(1n, [gone('k', 1n)])
    history.clear(1n)
    history.add(2n, [gone('k', 2n)])
    assert.equal(history.between(0n, 2n, ''), 'reset')
    assert.deepEqual(history.between(1n, 2n, ''), [gone('k', 2n)])
  })
})
