import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Signal } from '#src/carrier.ts'
import { SignalOutbox } from '#src/signal-outbox.ts'

function written(outbox: SignalOutbox): Signal[] {
  const signals: Signal[] = []
  outbox.writeTo({ writeSignal: (signal) => void signals.push(signal) })
  return signals
}

describe('signal outbox', () => {
  it('holds one of each kind, however often the other side asks', () => {
    const outbox = new SignalOutbox()
    for (let id = 0; id < 1_000; id += 1) {
      outbox.put({ kind: 'pong', id })
      outbox.put({ kind: 'credit', lane: 2, cost: 10 })
    }
    outbox.put({ kind: 'ping', id: 5 })
    outbox.put({ kind: 'credit', lane: 0, cost: 1 })
    assert.deepEqual(written(outbox), [
      { kind: 'ping', id: 5 },
      { kind: 'pong', id: 999 },
      { kind: 'credit', lane: 0, cost: 1 },
      { kind: 'credit', lane: 2, cost: 10_000 },
    ])
  })

  it('is empty afterwards', () => {
    const outbox = new SignalOutbox()
    outbox.put({ kind: 'ping', id: 0 })
    assert.equal(written(outbox).length, 1)
    assert.deepEqual(written(outbox), [])
    assert.equal(outbox.size, 0)
  })
})
