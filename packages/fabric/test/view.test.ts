import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  decodeMemberRecord,
  decodeView,
  encodeMemberRecord,
  encodeView,
  partitionsOf,
} from '@epicserver/fabric'
import type { View } from '@epicserver/fabric'
import { member, viewOf } from './members.ts'

const text = fc.string({ maxLength: 20 })
const anyMember = fc.record(
  {
    nodeId: text,
    address: text,
    boot: text,
    zone: text,
    labels: fc.array(text, { maxLength: 3 }),
    appVersion: text,
    weight: fc.nat(1_000),
    state: fc.constantFrom('joining', 'active', 'draining'),
  },
  { noNullPrototype: true },
)
const anyView: fc.Arbitrary<View> = fc
  .tuple(
    fc.uniqueArray(anyMember, { selector: (m) => m.nodeId, maxLength: 6 }),
    fc.integer({ min: 1, max: 2 ** 31 }),
  )
  .chain(([members, viewNo]) =>
    fc
      .array(
        fc.tuple(
          fc.option(fc.nat(members.length), { nil: 0 }),
          fc.integer({ min: 1, max: viewNo }),
        ),
        {
          maxLength: 40,
        },
      )
      .map((partitions) => ({
        viewNo,
        members: members as View['members'],
        owner: partitions.map(([place]) => members[place - 1]?.nodeId),
        partitionEpoch: partitions.map(([, epoch]) => epoch),
      })),
  )

const GOLDEN = [
  '01 03 04 02', // format, view number, partitions, members
  '02 6e31 01 07 6e312e736f636b 04 626f6f74 00 00 01 31 01', // n1, active, n1.sock, boot, no zone, no label, 1, weight 1
  '02 6e32 02 07 6e322e736f636b 04 626f6f74 03 657531 01 03 677075 01 31 04', // n2, draining, n2.sock, boot, eu1, gpu, 1, 4
  '01 02 02 00', // owners, as places in the list of members
  '02 01 00 00', // epochs, as distances from the view number
]
  .join('')
  .replaceAll(' ', '')

describe('view record', () => {
  it('has these bytes for ever', () => {
    const view: View = {
      viewNo: 3,
      members: [
        member('n1'),
        member('n2', { zone: 'eu1', labels: ['gpu'], weight: 4, state: 'draining' }),
      ],
      owner: ['n1', 'n2', 'n2', undefined],
      partitionEpoch: [1, 2, 3, 3],
    }
    assert.equal(Buffer.from(encodeView(view)).toString('hex'), GOLDEN)
    assert.deepEqual(decodeView(Buffer.from(GOLDEN, 'hex')), { ok: true, view })
  })

  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyView, (view) => {
        assert.deepEqual(decodeView(encodeView(view)), { ok: true, view })
      }),
    )
  })

  it('of 1,024 partitions and 8 members takes under 3 KB', () => {
    const owners = Array.from({ length: 1024 }, (_, p) => 'abcdefgh'[p % 8]).join('')
    const epochs = Array.from({ length: 1024 }, (_, p) => 1 + (p % 90))
    assert.ok(encodeView(viewOf(100, 'abcdefgh', owners, epochs)).length < 3 * 1024)
  })

  it('that is damaged is a problem in words', () => {
    const bytes = encodeView(viewOf(7, 'ab', 'aabb'))
    assert.deepEqual(decodeView(bytes.slice(0, -1)), {
      ok: false,
      problem: 'its bytes are damaged',
    })
    assert.deepEqual(decodeView(Uint8Array.of(2, 1)), {
      ok: false,
      problem: 'its format is 2, not 1',
    })
  })

  it('never makes the decoder throw, whatever the bytes', () => {
    const bytes = encodeView(viewOf(7, 'ab', 'aabb'))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Uint8Array.from(bytes)
        damaged[at] = byte
        decodeView(damaged)
        decodeView(damaged.slice(0, at))
      }),
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => void decodeView(any)))
  })
})

describe('view', () => {
  it('lists the partitions of a member', () => {
    assert.deepEqual(partitionsOf(viewOf(1, 'ab', 'abba'), 'a'), [0, 3])
  })
})

describe('member record', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyMember, (info) => {
        const known = { ...member('x'), ...info } as ReturnType<typeof member>
        assert.deepEqual(decodeMemberRecord(info.nodeId, encodeMemberRecord(known)), known)
      }),
    )
  })

  it('of another format is no member', () => {
    const bytes = encodeMemberRecord(member('a'))
    bytes[0] = 9
    assert.equal(decodeMemberRecord('a', bytes), undefined)
  })
})
