import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { meaningOf, messageOf, refusalFrom } from '@epicserver/postgres-link'
import type { Meaning } from '@epicserver/postgres-link'

/** An error as the driver makes it of what the server said. */
function said(code: string, severity: string): Error {
  return Object.assign(new Error(`said ${code}`), { code, severity })
}

/** An error of the system or of the driver itself. */
function met(code: string): Error {
  return Object.assign(new Error(`met ${code}`), { code })
}

const MEANINGS: readonly [claim: string, Error, Meaning][] = [
  ['nothing listens', met('ECONNREFUSED'), 'not done'],
  ['no such socket', met('ENOENT'), 'not done'],
  ['no such host', met('ENOTFOUND'), 'not done'],
  ['no connection in time', met('CONNECT_TIMEOUT'), 'not done'],
  [
    'a connection reset while it was made',
    Object.assign(met('ECONNRESET'), { syscall: 'connect' }),
    'not done',
  ],
  ['the pool was given up before', met('CONNECTION_ENDED'), 'not done'],
  ['the connection was lost', met('CONNECTION_CLOSED'), 'may be done'],
  ['the connection was reset', met('ECONNRESET'), 'may be done'],
  ['the connection was broken off by us', met('CONNECTION_DESTROYED'), 'may be done'],
  ['no code at all', new Error('?'), 'may be done'],
  ['not even an error', 'what' as unknown as Error, 'may be done'],
  ['the server is starting', said('57P03', 'FATAL'), 'not done'],
  ['too many connections', said('53300', 'FATAL'), 'not done'],
  ['the statement took too long', said('57014', 'ERROR'), 'not done'],
  ['a deadlock', said('40P01', 'ERROR'), 'not done'],
  ['it is a standby', said('25006', 'ERROR'), 'not done'],
  ['the server is going down', said('57P01', 'FATAL'), 'may be done'],
  ['the server crashed', said('57P02', 'FATAL'), 'may be done'],
  ['a wrong password', said('28P01', 'FATAL'), 'refused'],
  ['no such role', said('28000', 'FATAL'), 'refused'],
  ['no such database', said('3D000', 'FATAL'), 'refused'],
  ['no right', said('42501', 'ERROR'), 'refused'],
  ['a full disk', said('53100', 'ERROR'), 'refused'],
  ['a function that is not there', said('42883', 'ERROR'), 'refused'],
]

describe('postgres failure', () => {
  it('a certificate that nobody known has signed: says how to name who has', () => {
    const error = met('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    assert.equal(
      messageOf(error),
      'met UNABLE_TO_VERIFY_LEAF_SIGNATURE: name who signed it, by ca=<file> in the address',
    )
    assert.equal(messageOf(met('ECONNREFUSED')), 'met ECONNREFUSED')
  })

  for (const [claim, error, meaning] of MEANINGS) {
    it(`${claim}: ${meaning}`, () => {
      assert.equal(meaningOf(error), meaning)
    })
  }

  const codes: readonly [code: string, expected: string][] = [
    ['28P01', 'Unauthorized'],
    ['42501', 'Unauthorized'],
    ['53100', 'StoreFull'],
    ['54000', 'MessageTooLarge'],
    ['42883', 'Incompatible'],
    ['3D000', 'SettingsInvalid'],
  ]
  for (const [code, expected] of codes) {
    it(`${code} is ${expected}, with what was tried and what was said`, () => {
      const error = refusalFrom(said(code, 'ERROR'), 'read "a"')
      assert.equal(error.code, expected)
      assert.equal(error.message, `Cannot read "a": said ${code}`)
    })
  }
})
