import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  leaseFrom,
  listResultFrom,
  parseReply,
  parseRequest,
  recFrom,
  recOrNullFrom,
  ttlFrom,
  txnResultFrom,
} from '#src/messages.ts'
import type { Reply, Request } from '#src/messages.ts'

const value = Uint8Array.of(1)
const rec = { key: 'a', value, rev: 1n, lease: '1-s' }

const REQUESTS: readonly Request[] = [
  { kind: 'hello', protocol: 1 },
  { kind: 'get', key: 'a' },
  { kind: 'list', prefix: '' },
  {
    kind: 'txn',
    txn: {
      if: [
        { key: 'a', is: 'at', rev: 1n },
        { key: 'b', is: 'missing' },
        { key: 'c', is: 'present' },
      ],
      then: [
        { op: 'put', key: 'a', value, lease: '1-s' },
        { op: 'put', key: 'b', value },
      ],
      else: [
        { op: 'get', key: 'a' },
        { op: 'delete', key: 'b' },
      ],
    },
  },
  { kind: 'txn', txn: { if: [], then: [] } },
  { kind: 'watch', prefix: 'a', from: 3n },
  { kind: 'unwatch', watch: 4 },
  { kind: 'grant', ttlMs: 1_000 },
  { kind: 'keepAlive', lease: '1-s' },
  { kind: 'revoke', lease: '1-s' },
]

const REPLIES: readonly Reply[] = [
  { kind: 'welcome', protocol: 1, storeId: 's' },
  { kind: 'done', result: null },
  { kind: 'failed', code: 'LeaseLost', message: 'gone' },
  {
    kind: 'events',
    events: [
      { kind: 'put', rec },
      { kind: 'delete', key: 'a', rev: 2n },
    ],
  },
  { kind: 'reset' },
]

describe('messages: well-formed', () => {
  it('requests are what they were', () => {
    for (const body of REQUESTS) assert.deepEqual(parseRequest([7, body]), { id: 7, body })
  })

  it('replies are what they were', () => {
    for (const body of REPLIES) assert.deepEqual(parseReply([7, body]), { id: 7, body })
  })

  it('fields that nobody asked for are left behind', () => {
    const body = { kind: 'get', key: 'a', constructor: 1, extra: { deep: true } }
    assert.deepEqual(parseRequest([1, body]), { id: 1, body: { kind: 'get', key: 'a' } })
  })
})

describe('messages: checklist 9, 12, 13: what cannot be is no message', () => {
  const broken: readonly unknown[] = [
    undefined,
    null,
    1,
    'get',
    [],
    [1],
    [1, 2, 3],
    {},
    [1, null],
    [1, []],
    [-1, { kind: 'reset' }],
    [1.5, { kind: 'reset' }],
    ['1', { kind: 'reset' }],
    [2 ** 60, { kind: 'reset' }],
    [1, { kind: '__proto__' }],
    [1, { kind: 'constructor' }],
    [1, {}],
    [1, { kind: 'get' }],
    [1, { kind: 'get', key: 1 }],
    [1, { kind: 'list', prefix: null }],
    [1, { kind: 'watch', prefix: '', from: 1 }],
    [1, { kind: 'unwatch', watch: -1 }],
    [1, { kind: 'grant', ttlMs: '1' }],
    [1, { kind: 'keepAlive' }],
    [1, { kind: 'hello', protocol: '1' }],
    [1, { kind: 'txn' }],
    [1, { kind: 'txn', txn: {} }],
    [1, { kind: 'txn', txn: { if: [], then: 1 } }],
    [1, { kind: 'txn', txn: { if: [1], then: [] } }],
    [1, { kind: 'txn', txn: { if: [], then: [], else: null } }],
    [1, { kind: 'txn', txn: { if: [{ key: 'a', is: 'at', rev: 1 }], then: [] } }],
    [1, { kind: 'txn', txn: { if: [{ key: 'a', is: 'toString' }], then: [] } }],
    [1, { kind: 'txn', txn: { if: [], then: [{ op: 'put', key: 'a', value: 'text' }] } }],
    [1, { kind: 'txn', txn: { if: [], then: [{ op: 'put', key: 'a', value, lease: 1 }] } }],
    [1, { kind: 'txn', txn: { if: [], then: [{ op: 'drop', key: 'a' }] } }],
    [1, { kind: 'failed', code: 'toString', message: '' }],
    [1, { kind: 'failed', code: 'Moved' }],
    [1, { kind: 'events', events: [{ kind: 'put' }] }],
    [1, { kind: 'events', events: [{ kind: 'delete', key: 'a' }] }],
    [1, { kind: 'welcome', protocol: 1 }],
    [1, Object.create({ kind: 'reset' })],
  ]
  for (const message of broken) {
    it(`such as ${show(message)}`, () => {
      assert.equal(parseRequest(message), undefined)
      assert.equal(parseReply(message), undefined)
    })
  }

  it('and nothing throws', () => {
    const kinds = fc.constantFrom(
      'get',
      'list',
      'txn',
      'watch',
      'events',
      'failed',
      'done',
      'hello',
    )
    const body = fc.dictionary(
      fc.constantFrom('key', 'txn', 'prefix', 'from', 'events', 'code', 'if'),
      fc.anything(),
    )
    fc.assert(
      fc.property(fc.anything(), kinds, body, (id, kind, fields) => {
        for (const message of [id, [id, fields], [1, { ...fields, kind }]]) {
          parseRequest(message)
          parseReply(message)
        }
        for (const from of [
          recFrom,
          recOrNullFrom,
          listResultFrom,
          txnResultFrom,
          leaseFrom,
          ttlFrom,
        ])
          from(id)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('messages: results', () => {
  it('are what they were', () => {
    assert.deepEqual(recFrom(rec), rec)
    assert.equal(recOrNullFrom(null), null)
    assert.deepEqual(listResultFrom({ recs: [rec], rev: 2n }), { recs: [rec], rev: 2n })
    assert.deepEqual(txnResultFrom({ ok: true, rev: 2n, reads: [] }), {
      ok: true,
      rev: 2n,
      reads: [],
    })
    assert.deepEqual(leaseFrom({ id: 'a', ttlMs: 1 }), { id: 'a', ttlMs: 1 })
    assert.deepEqual(ttlFrom({ ttlMs: 1 }), { ttlMs: 1 })
  })

  it('that cannot be are none', () => {
    for (const from of [recFrom, listResultFrom, txnResultFrom, leaseFrom, ttlFrom]) {
      for (const result of [undefined, null, 1, '', [], {}, { recs: [{}], rev: 1n }, { ok: 1 }]) {
        assert.equal(from(result), undefined)
      }
    }
  })
})

function show(message: unknown): string {
  return (
    JSON.stringify(message, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ??
    'undefined'
  )
}
