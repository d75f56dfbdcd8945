import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GrpcFailure, meaningOf, refusalFrom } from '#src/grpc-failure.ts'
import type { Meaning } from '#src/grpc-failure.ts'

/** What etcd 3.4 says, by its sources `rpctypes/error.go`, and what gRPC says for it. */
const SAID: readonly [status: number, message: string, Meaning][] = [
  [3, 'etcdserver: request is too large', 'refused'],
  [3, 'etcdserver: too many operations in txn request', 'refused'],
  [3, 'etcdserver: duplicate key given in txn request', 'refused'],
  [3, 'etcdserver: authentication failed, invalid user ID or password', 'refused'],
  [3, 'etcdserver: user name is empty', 'refused'],
  [3, 'etcdserver: revision of auth store is old', 'login'],
  [16, 'etcdserver: invalid auth token', 'login'],
  [7, 'etcdserver: permission denied', 'refused'],
  [9, 'etcdserver: authentication is not enabled', 'refused'],
  [5, 'etcdserver: requested lease not found', 'refused'],
  [11, 'etcdserver: mvcc: required revision has been compacted', 'refused'],
  [8, 'etcdserver: mvcc: database space exceeded', 'refused'],
  [8, 'etcdserver: too many requests', 'not done'],
  [14, 'etcdserver: no leader', 'not done'],
  [14, 'etcdserver: leader changed', 'may be done'],
  [14, 'etcdserver: request timed out', 'may be done'],
  [14, 'etcdserver: request timed out, possibly due to previous leader failure', 'may be done'],
  [14, 'etcdserver: server stopped', 'may be done'],
  [12, 'unknown service etcdserverpb.KV', 'refused'],
  [4, 'context deadline exceeded', 'may be done'],
  [1, 'context canceled', 'may be done'],
  [2, 'something nobody foresaw', 'may be done'],
  [13, 'transport is closing', 'may be done'],
]

describe('grpc failure', () => {
  for (const [status, message, meaning] of SAID) {
    it(`"${message}" means: ${meaning}`, () => {
      assert.equal(meaningOf(new GrpcFailure(status, message, true)), meaning)
    })
  }

  it('whatever it is, it is not done when it never left', () => {
    for (const [status, message] of SAID) {
      assert.equal(meaningOf(new GrpcFailure(status, message, false)), 'not done')
    }
  })

  const refusals: readonly [status: number, message: string, code: string][] = [
    [8, 'etcdserver: mvcc: database space exceeded', 'StoreFull'],
    [3, 'etcdserver: request is too large', 'MessageTooLarge'],
    [5, 'etcdserver: requested lease not found', 'LeaseLost'],
    [7, 'etcdserver: permission denied', 'Unauthorized'],
    [16, 'etcdserver: invalid auth token', 'Unauthorized'],
    [3, 'etcdserver: authentication failed, invalid user ID or password', 'Unauthorized'],
    [9, 'etcdserver: authentication is not enabled', 'Unauthorized'],
    [3, 'etcdserver: user name is empty', 'Unauthorized'],
    [12, 'unknown service', 'Incompatible'],
    [3, 'etcdserver: something else', 'ProtocolBroken'],
  ]
  for (const [status, message, code] of refusals) {
    it(`"${message}" is ${code}`, () => {
      const error = refusalFrom(new GrpcFailure(status, message, true), 'read "a"')
      assert.equal(error.code, code)
      assert.equal(error.message, `Cannot read "a": ${message}`)
    })
  }
})
