import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesFromIp, ipFromBytes, isLinkLocal } from '#src/ip-bytes.ts'

test('address bytes: each address comes back in its one form', () => {
  const table = [
    ['192.0.2.7', '192.0.2.7'],
    ['::1', '::1'],
    ['::', '::'],
    ['FD00:0:0:0:0:0:0:2', 'fd00::2'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ] as const
  for (const [text, canonical] of table) {
    assert.equal(ipFromBytes(bytesFromIp(text) ?? new Uint8Array(0)), canonical, text)
  }
})

test('address bytes: any sixteen bytes survive', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      assert.deepEqual(bytesFromIp(ipFromBytes(bytes)), bytes)
    }),
  )
})

test('address bytes: a name is no address', () => {
  assert.equal(bytesFromIp('localhost'), undefined)
  assert.equal(bytesFromIp('fd00::g'), undefined)
  assert.equal(isLinkLocal('fe80::1'), true)
  assert.equal(isLinkLocal('fd00::1'), false)
})
