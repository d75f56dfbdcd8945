import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainValue } from '#src/host/plain-value.ts'

test('plain value: what JSON has stays as it is', () => {
  const value = { a: [1, 'two', true, null], b: { c: -0.5 } }
  assert.deepEqual(plainValue(value), value)
})

test('plain value: what JSON lacks becomes what a person can read', () => {
  const value = {
    big: 2n ** 64n,
    nan: Number.NaN,
    date: new Date(0),
    map: new Map<unknown, unknown>([[1n, new Set(['x'])]]),
    bytes: new Uint8Array(3),
    floats: new Float64Array([1.5, Infinity]),
    error: new TypeError('no'),
    method: () => undefined,
    pattern: /x/g,
  }
  assert.deepEqual(plainValue(value), {
    big: '18446744073709551616n',
    nan: 'NaN',
    date: '1970-01-01T00:00:00.000Z',
    map: { Map: [['1n', { Set: ['x'] }]] },
    bytes: '[3 bytes]',
    floats: [1.5, 'Infinity'],
    error: 'TypeError: no',
    method: '[function]',
    pattern: '/x/g',
  })
})

test('plain value: a cycle is cut where it closes, and the same object twice is no cycle', () => {
  const shared = { x: 1 }
  const ring: { self?: unknown; pair: unknown[] } = { pair: [shared, shared] }
  ring.self = ring
  assert.deepEqual(plainValue(ring), { pair: [{ x: 1 }, { x: 1 }], self: '[circular]' })
})

test('plain value: nesting without end is cut', () => {
  let nested: unknown = 'core'
  for (let depth = 0; depth < 10_000; depth += 1) nested = [nested]
  assert.match(JSON.stringify(plainValue(nested)), /^\[{100}"\[deeper\]"\]{100}$/)
})

test('plain value: a key cannot change what the object is', () => {
  const value = JSON.parse('{"__proto__": {"admin": true}}') as object
  assert.equal(JSON.stringify(plainValue(value)), '{"__proto__":{"admin":true}}')
})
