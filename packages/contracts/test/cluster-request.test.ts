import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  checkClusterPrefix,
  checkLeaseTtl,
  checkTxn,
  clusterKeyProblem,
} from '@epicserver/contracts'
import type { ClusterStoreLimits, Op, Txn } from '@epicserver/contracts'

const limits: ClusterStoreLimits = {
  valueBytesMax: 8,
  txnOpsMax: 2,
  worstFailoverMs: 0,
  ttlMsMin: 1,
}
const value = new Uint8Array(1)

describe('cluster request: a key', () => {
  it('may hold anything that has a UTF-8 form', () => {
    for (const key of ['a', ' ', '\u0000', '\n', '__proto__', '日本', '😀', '\uffff', '%_\\\'"']) {
      assert.equal(clusterKeyProblem(key), undefined, JSON.stringify(key))
    }
  })

  it('may not be empty', () => {
    assert.equal(clusterKeyProblem(''), 'it is empty')
  })

  it('is measured in UTF-8 bytes', () => {
    assert.equal(clusterKeyProblem('é'.repeat(512)), undefined)
    assert.equal(clusterKeyProblem('é'.repeat(512) + 'a'), 'it has 1025 of at most 1024 bytes')
    assert.equal(clusterKeyProblem('😀'.repeat(257)), 'it has 1028 of at most 1024 bytes')
    assert.equal(clusterKeyProblem('日'.repeat(342)), 'it has 1026 of at most 1024 bytes')
    assert.equal(clusterKeyProblem('a'.repeat(100_000)), 'it has 100000 of at most 1024 bytes')
  })

  it('may not hold half of a surrogate pair', () => {
    for (const key of ['\ud83d', 'a\udc00', '\udc00\ud800', '\ud800\ud800\udc00']) {
      assert.equal(clusterKeyProblem(key), 'it holds half of a surrogate pair', JSON.stringify(key))
    }
  })
})

describe('cluster request: a prefix', () => {
  it('may be empty, but not half of a surrogate pair', () => {
    checkClusterPrefix('')
    assert.throws(() => checkClusterPrefix('\ud83d'), {
      code: 'InvalidId',
      message: 'Cannot use "\\ud83d" as a cluster prefix: it holds half of a surrogate pair',
    })
  })
})

describe('cluster request: a lease time', () => {
  it('is a whole number from 1 ms to a day', () => {
    for (const ttlMs of [1, 6_000, 86_400_000]) checkLeaseTtl(ttlMs)
    for (const ttlMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 86_400_001]) {
      assert.throws(() => checkLeaseTtl(ttlMs), { code: 'SettingsInvalid' }, String(ttlMs))
    }
  })
})

describe('cluster request: a transaction', () => {
  const put = (key: string, bytes = 1): Op => ({ op: 'put', key, value: new Uint8Array(bytes) })
  const refused: readonly [string, Txn, string][] = [
    [
      'a key without a form in a condition',
      { if: [{ key: '', is: 'missing' }], then: [] },
      'InvalidId',
    ],
    [
      'a key without a form in an operation',
      { if: [], then: [{ op: 'get', key: '\ud800' }] },
      'InvalidId',
    ],
    ['a value above the limit', { if: [], then: [put('a', 9)] }, 'MessageTooLarge'],
    [
      'a value above the limit in the other branch',
      { if: [], then: [], else: [put('a', 9)] },
      'MessageTooLarge',
    ],
    ['too many operations', { if: [], then: [put('a'), put('b'), put('c')] }, 'MessageTooLarge'],
    [
      'too many conditions',
      { if: ['a', 'b', 'c'].map((key) => ({ key, is: 'missing' as const })), then: [] },
      'MessageTooLarge',
    ],
    ['a key that is put twice', { if: [], then: [put('a'), put('a')] }, 'SettingsInvalid'],
    [
      'a key that is put and deleted',
      { if: [], then: [put('a'), { op: 'delete', key: 'a' }] },
      'SettingsInvalid',
    ],
  ]
  for (const [claim, txn, code] of refused) {
    it(`is refused with ${claim}`, () => {
      assert.throws(() => checkTxn(txn, limits), { code })
    })
  }

  it('may read a key that it writes, and write it in both branches', () => {
    checkTxn(
      {
        if: [],
        then: [
          { op: 'put', key: 'a', value },
          { op: 'get', key: 'a' },
        ],
        else: [{ op: 'delete', key: 'a' }],
      },
      limits,
    )
  })
})
