import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LoadBoard, loadScore, NO_LOAD } from '@epicserver/fabric'
import type { Effect, Load } from '@epicserver/fabric'
import { Outbox } from '#src/effects.ts'
import { viewOf } from './members.ts'

const busy: Load = { cpu: 0.5, bytes: 10, messages: 20, entities: 3 }
const view = viewOf(1, 'abc', 'abc')

function sent(outbox: Outbox): Effect[] {
  const effects: Effect[] = []
  for (let e = outbox.shift(); e !== undefined; e = outbox.shift()) effects.push(e)
  return effects
}

describe('load board', () => {
  it('says nothing while nothing was measured', () => {
    const outbox = new Outbox()
    const board = new LoadBoard(outbox, 1_000)
    board.handleTick({ self: 'a', masterId: 'b', view }, 0)
    assert.deepEqual(sent(outbox), [])
    assert.equal(board.wakeAtMs, Infinity)
  })

  it('tells the master, once in a while', () => {
    const outbox = new Outbox()
    const board = new LoadBoard(outbox, 1_000)
    board.report(busy)
    board.handleTick({ self: 'a', masterId: 'b', view }, 0)
    board.handleTick({ self: 'a', masterId: 'b', view }, 999)
    assert.deepEqual(sent(outbox), [
      { kind: 'sendPeer', to: 'b', message: { kind: 'load', viewNo: 1, load: busy } },
    ])
    board.report(busy)
    assert.equal(board.wakeAtMs, 1_000)
  })

  it('does not tell again what was not measured again', () => {
    const outbox = new Outbox()
    const board = new LoadBoard(outbox, 1_000)
    board.report(busy)
    board.handleTick({ self: 'a', masterId: 'b', view }, 0)
    sent(outbox)
    assert.equal(board.wakeAtMs, Infinity)
    board.handleTick({ self: 'a', masterId: 'b', view }, 1_000)
    assert.deepEqual(sent(outbox), [])
  })

  it('as master tells what a member has measured since', () => {
    const outbox = new Outbox()
    const board = new LoadBoard(outbox, 1_000)
    board.report(busy)
    board.handleTick({ self: 'a', masterId: 'a', view }, 0)
    sent(outbox)
    board.handleMessage('b', { kind: 'load', viewNo: 1, load: busy })
    board.handleTick({ self: 'a', masterId: 'a', view }, board.wakeAtMs)
    assert.equal(sent(outbox).length, 2)
  })

  it('as master tells all what all said, apart from those that are gone', () => {
    const outbox = new Outbox()
    const board = new LoadBoard(outbox, 1_000)
    board.report(NO_LOAD)
    board.handleMessage('b', { kind: 'load', viewNo: 1, load: busy })
    board.handleMessage('x', { kind: 'load', viewNo: 1, load: busy })
    board.handleTick({ self: 'a', masterId: 'a', view }, 0)
    const loads = [
      ['b', busy],
      ['a', NO_LOAD],
    ]
    assert.deepEqual(sent(outbox), [
      { kind: 'sendPeer', to: 'b', message: { kind: 'loads', viewNo: 1, loads } },
      { kind: 'sendPeer', to: 'c', message: { kind: 'loads', viewNo: 1, loads } },
    ])
  })

  it('knows what the master told', () => {
    const board = new LoadBoard(new Outbox(), 1_000)
    board.handleMessage('a', { kind: 'loads', viewNo: 1, loads: [['b', busy]] })
    assert.deepEqual([...board.all], [['b', busy]])
  })
})

describe('load score', () => {
  it('is that of the scarcest thing, mostly', () => {
    const full = { ...NO_LOAD, messages: 250_000 }
    assert.ok(loadScore(full) > loadScore({ ...NO_LOAD, cpu: 0.9 }))
    assert.ok(loadScore({ ...full, bytes: 1e9 }) > loadScore(full))
  })

  it('does not count heads', () => {
    assert.equal(loadScore({ ...NO_LOAD, entities: 1_000_000 }), 0)
  })
})
