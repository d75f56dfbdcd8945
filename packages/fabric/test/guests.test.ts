import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Guests } from '#src/guests.ts'
import type { EntityStatement } from '#src/peer-message.ts'
import { Desk } from './desk.ts'

const place = { key: 'P/1', partition: 0 }

class Bench {
  readonly desk = new Desk('h')
  readonly guests = new Guests(this.desk, { askEveryMs: 100, mutations: new Set() })

  said(statement: EntityStatement): string[] {
    this.guests.handleMessage('o', { viewNo: 1, term: 1, ...place, ...statement })
    return this.desk.effects().map((effect) => effect.kind)
  }

  /** P/1 lives here with epoch 7. */
  living(): this {
    this.guests.want(place, 0)
    this.said({ kind: 'grant', nonce: 1, epoch: 7n })
    this.desk.told()
    return this
  }
}

describe('guests: asked', () => {
  it('asks the owner once, and again while there is no answer', () => {
    const bench = new Bench()
    bench.guests.want(place, 0)
    bench.guests.want(place, 10)
    bench.guests.handleTick(99)
    assert.deepEqual(bench.desk.told(), [
      { to: 'o', key: 'P/1', statement: { kind: 'askGrant', nonce: 1 } },
    ])
    assert.equal(bench.guests.wakeAtMs, 100)
    bench.guests.handleTick(100)
    assert.equal(bench.desk.told().length, 1)
  })

  it('becomes live by the grant', () => {
    const bench = new Bench()
    bench.guests.want(place, 0)
    assert.deepEqual(bench.said({ kind: 'grant', nonce: 1, epoch: 7n }), ['granted'])
    assert.equal(bench.guests.get('P/1')?.epoch, 7n)
    assert.deepEqual([...bench.guests.of(0)], [{ ...place, epoch: 7n }])
  })

  it('is sent elsewhere by a refusal', () => {
    const bench = new Bench()
    bench.guests.want(place, 0)
    assert.deepEqual(bench.said({ kind: 'refuse', nonce: 1, host: 't', epoch: 9n }), ['elsewhere'])
    assert.equal(bench.guests.get('P/1'), undefined)
  })

  it('takes no answer to a question that is not open', () => {
    const bench = new Bench()
    bench.guests.want(place, 0)
    bench.guests.handleTick(100)
    assert.deepEqual(bench.said({ kind: 'grant', nonce: 1, epoch: 7n }), [])
    assert.deepEqual(bench.said({ kind: 'grant', nonce: 2, epoch: 8n }), ['granted'])
    assert.deepEqual(bench.said({ kind: 'grant', nonce: 2, epoch: 8n }), [])
  })

  it('asks anew, soon, when a view came', () => {
    const bench = new Bench()
    bench.guests.want(place, 0)
    bench.guests.handleView(10)
    assert.deepEqual(bench.said({ kind: 'grant', nonce: 1, epoch: 7n }), [])
    bench.desk.owner = 's'
    bench.desk.told()
    bench.guests.handleTick(10)
    assert.equal(bench.desk.told()[0]?.to, 's')
  })

  it('asks no more when the entity itself is on its way', () => {
    const bench = new Bench()
    bench.guests.want(place, 0)
    bench.guests.cancel('P/1')
    assert.equal(bench.guests.wakeAtMs, Infinity)
    assert.deepEqual(bench.said({ kind: 'grant', nonce: 1, epoch: 7n }), [])
  })
})

describe('guests: live', () => {
  it('tells the owner when it has ended', () => {
    const bench = new Bench().living()
    bench.guests.release('P/1')
    assert.deepEqual(bench.desk.told(), [
      { to: 'o', key: 'P/1', statement: { kind: 'released', epoch: 7n } },
    ])
    assert.equal(bench.guests.size, 0)
    assert.deepEqual([...bench.guests.of(0)], [])
  })

  it('is at home when its partition comes here', () => {
    const bench = new Bench().living()
    bench.guests.takeHome(0)
    assert.equal(bench.guests.size, 0)
    assert.deepEqual(bench.desk.told(), [])
  })

  it('leaves a pointer for a while when it moved away', () => {
    const bench = new Bench().living()
    bench.guests.sendOff('P/1', { host: 't', epoch: 8n }, 1_000)
    assert.equal(bench.guests.get('P/1'), undefined)
    assert.equal(bench.guests.pointer('P/1', 30_999)?.host, 't')
    assert.equal(bench.guests.pointer('P/1', 31_000), undefined)
  })

  it('leaves no pointer when it has come back', () => {
    const bench = new Bench().living()
    bench.guests.sendOff('P/1', { host: 't', epoch: 8n }, 1_000)
    bench.guests.admit({ ...place, epoch: 9n })
    assert.equal(bench.guests.pointer('P/1', 1_001), undefined)
  })
})
