import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WatchEvent } from '@epicserver/contracts'
import { ClusterLog, WatchHub, emptySnapshot } from '@epicserver/cluster-memory'

const logWith = (count: number): ClusterLog => {
  const log = new ClusterLog(emptySnapshot('s'), 0)
  for (let i = 0; i < count; i += 1)
    log.txn({ if: [], then: [{ op: 'put', key: `k${i}`, value: new Uint8Array() }] })
  return log
}

describe('watch hub', () => {
  it('tells no more than it may: what is not durable yet stays untold', () => {
    const told: number[] = []
    const hub = new WatchHub()
    const log = logWith(5)
    hub.add({ prefix: '', rev: 0n, on: (events) => told.push(events.length) })
    hub.deliver(log, 2n)
    hub.deliver(log, 2n)
    hub.deliver(log, 5n)
    assert.deepEqual(told, [2, 3])
  })

  it('says reset to who is ahead of the log, and lets it go', () => {
    const told: unknown[] = []
    const hub = new WatchHub()
    hub.add({ prefix: '', rev: 9n, on: (events) => told.push(events) })
    hub.deliver(logWith(1), 1n)
    assert.deepEqual(told, ['reset'])
    assert.equal(hub.size, 0)
  })

  it('does not tell who was closed by a handler that ran before', () => {
    const told: string[] = []
    const hub = new WatchHub()
    const second = { prefix: '', rev: 0n, on: (): number => told.push('second') }
    hub.add({
      prefix: '',
      rev: 0n,
      on: () => {
        told.push('first')
        hub.remove(second)
      },
    })
    hub.add(second)
    hub.deliver(logWith(1), 1n)
    assert.deepEqual(told, ['first'])
  })

  it('moves on a watcher that has nothing to hear', () => {
    const told: (readonly WatchEvent[] | 'reset')[] = []
    const hub = new WatchHub()
    const watcher = {
      prefix: 'other',
      rev: 0n,
      on: (events: readonly WatchEvent[] | 'reset') => void told.push(events),
    }
    hub.add(watcher)
    hub.deliver(logWith(3), 3n)
    assert.deepEqual([told, watcher.rev], [[], 3n])
  })

  it('is behind while somebody has to be told, whatever the prefix', () => {
    const hub = new WatchHub()
    assert.equal(hub.isBehind(3n), false)
    hub.add({ prefix: 'other', rev: 0n, on: () => undefined })
    assert.equal(hub.isBehind(3n), true)
    hub.deliver(logWith(3), 3n)
    assert.equal(hub.isBehind(3n), false)
  })
})
