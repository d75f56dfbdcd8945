import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeSignal, encodeSignal, headOfRaw, makeFrame, rawKindOf } from '#src/frame-format.ts'
import { agreedVersion } from '#src/versions.ts'
import { decodeHello, encodeHello, helloConflict } from '#src/hello.ts'
import type { Signal } from '#src/carrier.ts'
import { bytesFromHex, hexOf } from './bytes.ts'

const SIGNALS: readonly (readonly [Signal, string])[] = [
  [{ kind: 'ping', id: 7 }, '05000000 40 07000000'],
  [{ kind: 'pong', id: 0xffff_ffff }, '05000000 50 ffffffff'],
  [{ kind: 'credit', lane: 2, cost: 258 }, '05000000 62 02010000'],
  [{ kind: 'close', reason: 'é' }, '03000000 70 c3a9'],
]

describe('frame format: golden bytes', () => {
  it('signals', () => {
    for (const [signal, hex] of SIGNALS) {
      assert.equal(hexOf(encodeSignal(signal)), hex.replaceAll(' ', ''))
      const bytes = bytesFromHex(hex)
      assert.deepEqual(decodeSignal(bytes[4] ?? 0, bytes.subarray(5)), signal)
    }
  })

  it('what comes before there is a channel', () => {
    for (const [kind, head] of [
      ['handshake', 0x10],
      ['hello', 0x20],
      ['refuse', 0x30],
    ] as const) {
      assert.equal(headOfRaw(kind), head)
      assert.equal(rawKindOf(head), kind)
    }
    assert.equal(hexOf(makeFrame(0x10, Buffer.from([9]))), '020000001009')
  })

  it('hello', () => {
    const hello = {
      channel: { newest: 1, oldest: 1 },
      messages: { newest: 3, oldest: 2 },
      protocol: 'json',
      compatibility: 'v2',
      windows: [1, 2, 3, 4],
    }
    const hex = '65706963 0101 0302 a46a736f6e a27632 01000000 02000000 03000000 04000000'
    assert.equal(hexOf(encodeHello(hello)), hex.replaceAll(' ', ''))
    assert.deepEqual(decodeHello(bytesFromHex(hex)), hello)
    assert.deepEqual(
      decodeHello(bytesFromHex(`${hex} ffff`)),
      hello,
      'what a later version appends is skipped',
    )
  })
})

describe('frame format: what is none', () => {
  it('signals of another size, lane or kind', () => {
    const bad = [
      ['40', '070000'],
      ['50', '0700000000'],
      ['64', '01000000'],
      ['41', '01000000'],
      ['80', '01000000'],
      ['70', '61'.repeat(601)],
    ]
    for (const [head = '', body = ''] of bad) {
      assert.equal(decodeSignal(Number.parseInt(head, 16), bytesFromHex(body)), undefined, head)
    }
  })

  it('a hello without its magic, or cut off', () => {
    assert.equal(decodeHello(bytesFromHex('00000000 01')), undefined)
    assert.equal(decodeHello(bytesFromHex('65706963 0101 0101 a46a73')), undefined)
    assert.equal(decodeHello(new Uint8Array(0)), undefined)
  })
})

describe('hello: what does not fit (checklist 7)', () => {
  const only = (version: number) => ({ newest: version, oldest: version })
  const ours = {
    channel: only(1),
    messages: { newest: 3, oldest: 2 },
    protocol: 'json',
    compatibility: 'a',
    windows: [],
  }

  it('nothing, when all is equal', () => {
    assert.equal(helloConflict(ours, { ...ours, windows: [1] }), undefined)
  })

  it('is named, with both sides', () => {
    assert.equal(
      helloConflict(ours, { ...ours, channel: only(2) }),
      'one side speaks version 1 of the channel, the other 2',
    )
    assert.equal(
      helloConflict(ours, { ...ours, messages: { newest: 5, oldest: 4 } }),
      'one side speaks version 2 to 3 of the messages, the other 4 to 5',
    )
    assert.match(
      helloConflict(ours, { ...ours, protocol: 'raw' }) ?? '',
      /protocol is "json" .* "raw"/,
    )
    assert.match(
      helloConflict(ours, { ...ours, compatibility: 'b' }) ?? '',
      /compatibility is "a" .* "b"/,
    )
  })
})

describe('versions: what two sides speak', () => {
  it('is the newest that both know, or nothing', () => {
    const table = [
      [3, 2, 3, 2, 3],
      [3, 2, 2, 1, 2],
      [2, 1, 3, 2, 2],
      [3, 1, 1, 1, 1],
      [3, 2, 1, 1, undefined],
      [1, 1, 2, 2, undefined],
    ] as const
    for (const [newest, oldest, theirNewest, theirOldest, agreed] of table) {
      const theirs = { newest: theirNewest, oldest: theirOldest }
      assert.equal(agreedVersion({ newest, oldest }, theirs), agreed)
      assert.equal(agreedVersion(theirs, { newest, oldest }), agreed, 'either side finds the same')
    }
  })
})
