import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { whyNotLinearizable, type CounterOperation } from '../scenarios/cluster/counter-history.ts'

const add = (begunMs: number, endedMs: number, value: number): CounterOperation => ({
  kind: 'add',
  begunMs,
  endedMs,
  value,
})
const read = (begunMs: number, endedMs: number, value: number): CounterOperation => ({
  kind: 'read',
  begunMs,
  endedMs,
  value,
})
/** An addition of which nobody knows whether it was done. */
const lost = (begunMs: number): CounterOperation => ({ kind: 'add', begunMs, endedMs: Infinity })

const fine: readonly (readonly [string, readonly CounterOperation[]])[] = [
  ['nothing at all', []],
  ['one after the other', [add(0, 1, 1), read(2, 3, 1), add(4, 5, 2)]],
  ['two at once, in either order', [add(0, 10, 2), add(0, 10, 1)]],
  ['a read beside an addition, before or after it', [add(0, 10, 1), read(1, 2, 0), read(3, 4, 1)]],
  ['an addition of unknown outcome that was done', [lost(0), add(5, 6, 2)]],
  ['an addition of unknown outcome that was not done', [lost(0), add(5, 6, 1)]],
  ['one that was done long after it was called', [lost(0), add(5, 6, 1), read(90, 91, 2)]],
  ['two that explain two values', [lost(0), lost(7), read(5, 6, 1), read(8, 9, 2)]],
]

const broken: readonly (readonly [string, readonly CounterOperation[], RegExp])[] = [
  ['two that made the same value', [add(0, 9, 1), add(0, 9, 1)], /two additions/],
  ['a read of what was long over', [add(0, 1, 1), read(2, 3, 0)], /answered 0, when 1/],
  ['reads that go back', [add(0, 99, 1), read(1, 2, 1), read(3, 4, 0)], /answered 0, when 1/],
  ['an addition that was lost', [add(0, 1, 1), add(2, 3, 1)], /two additions/],
  ['an addition put before one that was over', [add(0, 1, 2), add(2, 3, 1)], /answered 1, when 2/],
  ['a value that nobody made', [add(0, 1, 1), read(2, 3, 2)], /2 was seen at 3/],
  ['an unknown one done twice', [lost(0), add(5, 6, 3)], /2 was seen at 6/],
  ['a value seen before anybody began to make it', [read(0, 1, 1), lost(2)], /1 was seen at 1/],
]

describe('history of a counter', () => {
  for (const [name, operations] of fine) {
    it(`is linearizable: ${name}`, () => assert.equal(whyNotLinearizable(operations), undefined))
  }
  for (const [name, operations, why] of broken) {
    it(`is not linearizable: ${name}`, () =>
      assert.match(whyNotLinearizable(operations) ?? '', why))
  }
})
