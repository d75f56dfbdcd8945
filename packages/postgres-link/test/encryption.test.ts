import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encryptionOf } from '@epicserver/postgres-link'

describe('encryption: checklist 3: plain text', () => {
  it('stays on this machine', () => {
    for (const host of [
      'localhost',
      '127.0.0.1:5433',
      '[::1]',
      'localhost,127.0.0.2',
      '%2Frun%2Fpostgresql',
    ]) {
      assert.equal(encryptionOf(`postgres://u@${host}/d`, {}), false, host)
    }
    for (const host of [
      '10.0.0.1',
      'db.example.org',
      'localhost,db.example.org',
      '127.0.0.1.example.org',
    ]) {
      assert.throws(
        () => encryptionOf(`postgres://u@${host}/d`, {}),
        { code: 'SettingsInvalid', message: /allowPlainText/ },
        host,
      )
    }
  })

  it('goes elsewhere when it is asked for by name', () => {
    assert.equal(encryptionOf('postgres://u@db/d', { allowPlainText: true }), false)
  })

  it('is not what an sslmode says', () => {
    assert.equal(encryptionOf('postgres://u@db/d?sslmode=require', {}), 'require')
    assert.deepEqual(encryptionOf('postgres://u@db/d?sslmode=verify-full', {}), {})
    assert.deepEqual(encryptionOf('postgres://u@db/d', { tls: { ca: 'PEM' } }), { ca: 'PEM' })
    assert.throws(() => encryptionOf('postgres://u@db/d?sslmode=disable', {}), {
      code: 'SettingsInvalid',
    })
    assert.throws(() => encryptionOf('postgres://u@db/d?sslmode=prefer', {}), {
      code: 'SettingsInvalid',
    })
  })
})

describe('encryption: whom the certificate must name', () => {
  it('is the IP address, where the driver would take localhost', () => {
    const tls = { ca: 'PEM' }
    const table = [
      ['[fd00::7]:5433', { ca: 'PEM', host: 'fd00::7' }],
      ['10.0.0.7', { ca: 'PEM', host: '10.0.0.7' }],
      ['db.example.org', tls],
      ['10.0.0.7,10.0.0.8', tls],
    ] as const
    for (const [host, expected] of table)
      assert.deepEqual(encryptionOf(`postgres://u@${host}/d`, { tls }), expected, host)
    assert.deepEqual(encryptionOf('postgres://u@[fd00::7]/d?sslmode=verify-full', {}), {
      host: 'fd00::7',
    })
    const said = { ...tls, servername: 'db' }
    assert.deepEqual(encryptionOf('postgres://u@10.0.0.7/d', { tls: said }), said)
  })
})

describe('addresses', () => {
  it('that are no address are refused, and no password is repeated', () => {
    for (const address of [
      '',
      'db',
      'http://u:secret@db/d',
      'mysql://u:secret@db/d',
      '//u:secret@db',
    ]) {
      assert.throws(
        () => encryptionOf(address, {}),
        (error: Error & { code?: string }) =>
          error.code === 'SettingsInvalid' && !error.message.includes('secret'),
      )
    }
    assert.throws(
      () => encryptionOf('postgres://u:secret@db/d', {}),
      (error: Error) => !error.message.includes('secret'),
    )
  })
})
