import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeRecord, encodeRecord, placeOfState, sealProblem, sealState } from '#src/record.ts'
import type { RecordHead, StatePart, StoredEntry } from '#src/record.ts'
import fc from 'fast-check'

const key = Buffer.from('key')
const anyEntry: fc.Arbitrary<StoredEntry> = fc
  .record({
    index: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    key: fc.uint8Array({ maxLength: 30 }),
    generation: fc.nat(0xffff_ffff_ffff),
  })
  .map((entry) => ({ ...entry, key: Buffer.from(entry.key) }))
const anyState: fc.Arbitrary<StatePart> = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.record({ length: fc.nat(), checksum: fc.nat(0xffff_ffff) }).map((seal) => ({ ...seal })),
)
const anyRecord = fc
  .record({
    epoch: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    version: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    hasTasks: fc.boolean(),
    indexes: fc.array(anyEntry, { maxLength: 5 }),
    state: anyState,
  })
  .map(({ state, ...rest }) => ({ head: { ...rest, stateAt: placeOf(state) }, state }))

function placeOf(state: StatePart): RecordHead['stateAt'] {
  if (state === null) return 'nowhere'
  return state instanceof Uint8Array ? 'inside' : 'elsewhere'
}

describe('record: on disk', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyRecord, ({ head, state }) => {
        assert.deepEqual(decodeRecord(key, encodeRecord(key, head, state)), { head, state })
      }),
    )
  })

  it('has these bytes for good', () => {
    const indexes = [{ index: 'é', key: Buffer.of(7, 8), generation: 258 }]
    const head = { epoch: 1n, version: 2n, hasTasks: true, indexes, stateAt: 'inside' } as const
    const record = encodeRecord(key, head, Buffer.from('state'))
    assert.equal(
      record.toString('hex'),
      [
        'cb2ff55a', // checksum
        '01', // layout
        '05', // has a state, has tasks
        '0001', // one index entry
        '0000000000000001', // epoch
        '0000000000000002', // version
        '0002' + '0002' + '000000000102', // lengths and generation of the entry
        'c3a9' + '0708', // its name and key
        '7374617465', // the state
      ].join(''),
    )
  })

  it('is refused when any one bit of it, or of its key, is another', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), fc.nat(7), ({ head, state }, at, bit) => {
        const record = encodeRecord(key, head, state)
        const place = at % record.length
        record[place] = record[place]! ^ (1 << bit)
        assert.ok('problem' in decodeRecord(key, record))
      }),
    )
    const record = encodeRecord(key, { ...anyHead, stateAt: 'nowhere' }, null)
    assert.ok('problem' in decodeRecord(Buffer.from('kez'), record))
  })

  it('is refused when it is cut anywhere', () => {
    const record = encodeRecord(key, { ...anyHead, stateAt: 'inside' }, Buffer.from('state'))
    for (let length = 0; length < record.length; length += 1) {
      assert.ok('problem' in decodeRecord(key, record.subarray(0, length)), `${length} bytes`)
    }
  })

  it('says what is wrong with it', () => {
    const record = encodeRecord(key, { ...anyHead, stateAt: 'nowhere' }, null)
    const found = decodeRecord(Buffer.from('kez'), record)
    assert.match('problem' in found ? found.problem : '', /^its checksum is \w{8}, not \w{8}$/)
  })
})

const anyHead = { epoch: 1n, version: 1n, hasTasks: false, indexes: [] }

describe('record: a state', () => {
  it('that is large has a place of its own', () => {
    assert.equal(placeOfState(null), 'nowhere')
    assert.equal(placeOfState(new Uint8Array(1_500)), 'inside')
    assert.equal(placeOfState(new Uint8Array(1_501)), 'elsewhere')
  })

  it('elsewhere is the one that was sealed, or it is told what it is', () => {
    const bytes = Buffer.from('a large state')
    const seal = sealState(key, bytes)
    assert.equal(sealProblem(key, seal, bytes), undefined)
    assert.equal(sealProblem(key, seal, undefined), 'its state is missing')
    assert.equal(sealProblem(key, seal, bytes.subarray(1)), 'its state has 12 bytes, not 13')
    const other = Buffer.from('A large state')
    assert.match(sealProblem(key, seal, other) ?? '', /^the checksum of its state is/)
    assert.match(sealProblem(Buffer.from('kez'), seal, bytes) ?? '', /^the checksum of its state/)
  })
})
