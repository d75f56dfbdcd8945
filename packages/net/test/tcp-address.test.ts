import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { formatTcpAddress, isLoopback, parseTcpAddress } from '#src/tcp-address.ts'

describe('tcp address', () => {
  it('is read and printed', () => {
    const cases = {
      '[::1]:3030': '::1',
      '127.0.0.1:3030': '127.0.0.1',
      'n1.example:3030': 'n1.example',
      '[fe80::1%eth0]:3030': 'fe80::1%eth0',
    }
    for (const [text, host] of Object.entries(cases)) {
      assert.deepEqual(parseTcpAddress(text), { host, port: 3030 })
      assert.equal(formatTcpAddress({ host, port: 3030 }), text)
    }
  })

  it('without a host is all addresses of this one', () => {
    assert.deepEqual(parseTcpAddress(':0'), { host: '::', port: 0 })
    assert.deepEqual(parseTcpAddress('*:80'), { host: '::', port: 80 })
  })

  it('is refused where it is none', () => {
    for (const text of [
      '',
      '::1',
      '[::1]',
      'host',
      'host:',
      'host:65536',
      'host:99999999',
      '::1:80:',
      'a b',
    ]) {
      assert.throws(
        () => parseTcpAddress(text),
        (error) => isEpicError(error) && error.code === 'SettingsInvalid',
        text,
      )
    }
  })

  it('knows loopback', () => {
    for (const host of ['::1', '127.0.0.1', '127.9.9.9', 'localhost', '::ffff:127.0.0.1'])
      assert.ok(isLoopback(host), host)
    for (const host of [
      '::',
      '0.0.0.0',
      '10.0.0.1',
      'fe80::1',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ]) {
      assert.ok(!isLoopback(host), host)
    }
  })
})
