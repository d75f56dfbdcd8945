import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkEndpoints } from '#src/tls-options.ts'

describe('endpoints: checklist 3: plain text', () => {
  it('stays on this machine', () => {
    checkEndpoints(
      ['http://127.0.0.1:2379', 'http://localhost:2379', 'http://[::1]:2379', 'http://127.8.8.8:1'],
      false,
    )
    checkEndpoints(['https://etcd.example.org:2379', 'https://10.0.0.1:2379'], false)
    for (const endpoint of [
      'http://10.0.0.1:2379',
      'http://etcd:2379',
      'http://127.0.0.1.example.org:2379',
      'http://[fe80::1]:2379',
    ]) {
      assert.throws(() => checkEndpoints([endpoint], false), {
        code: 'SettingsInvalid',
        message: /allowPlainText/,
      })
    }
  })

  it('goes to other machines when it is asked for by name', () => {
    checkEndpoints(['http://10.0.0.1:2379'], true)
  })
})

describe('endpoints', () => {
  it('that are none are refused', () => {
    for (const endpoint of [
      '',
      '127.0.0.1:2379',
      'etcd',
      'ftp://127.0.0.1',
      'http://',
      'unix:/run/etcd.sock',
    ]) {
      assert.throws(() => checkEndpoints([endpoint], true), { code: 'SettingsInvalid' }, endpoint)
    }
    assert.throws(() => checkEndpoints([], true), {
      code: 'SettingsInvalid',
      message: /no endpoint is given/,
    })
  })

  it('with a password are refused, and the password is not repeated', () => {
    assert.throws(
      () => checkEndpoints(['https://root:secret@127.0.0.1:2379'], false),
      (error: Error) => !error.message.includes('secret'),
    )
  })
})
