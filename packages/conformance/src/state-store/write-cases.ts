/** Conformance of state stores: what a write keeps, and what comes back. */
import assert from 'node:assert/strict'
import { STATE_BYTES_MAX } from '@epicserver/contracts'
import { bytesOf, codeOf, textOf, thing } from './ground.ts'
import type { StateCases } from './ground.ts'

const bob = thing('bob')
const guard = { epoch: 1n, version: 0n }

export const writeCases: StateCases = {
  'the first write makes version 1, each further one the next': async (ground) => {
    assert.equal(await ground.save(bob, 'one'), 1n)
    assert.equal(await ground.save(bob, 'two', { version: 1n }), 2n)
    assert.equal(await ground.saved(bob), '2:two')
  },

  'a write from another version is refused and changes nothing': async (ground) => {
    await ground.save(bob, 'one')
    await ground.save(bob, 'two', { version: 1n })
    for (const version of [0n, 1n, 3n]) {
      assert.equal(await codeOf(ground.save(bob, 'stale', { version })), 'Fenced', `${version}`)
    }
    assert.equal(await ground.saved(bob), '2:two')
  },

  'a first write from a version above 0 is refused': async (ground) => {
    assert.equal(await codeOf(ground.save(bob, 'one', { version: 1n })), 'Fenced')
    assert.equal(await ground.saved(bob), null)
  },

  'a write of a lower epoch is refused and changes nothing': async (ground) => {
    await ground.save(bob, 'one', { epoch: 5n, indexes: { score: ['1'] } })
    const stale = { epoch: 4n, version: 1n, indexes: { score: ['9'] } }
    const tasks = [{ kind: 'set', key: 'ring', dueMs: 1, body: bytesOf('') }] as const
    assert.equal(await codeOf(ground.save(bob, 'stale', { ...stale, tasks })), 'Fenced')
    assert.equal(await ground.saved(bob), '1:one')
    assert.deepEqual(await ground.dueKeys(), [])
    assert.deepEqual(
      (await ground.rows({ index: 'score' })).map((row) => textOf(row.key)),
      ['1'],
    )
  },

  'a write of a higher epoch raises the stored one': async (ground) => {
    await ground.save(bob, 'one', { epoch: 1n })
    await ground.save(bob, 'two', { epoch: 3n, version: 1n })
    assert.equal((await ground.store.read(bob))?.epoch, 3n)
    assert.equal(await codeOf(ground.save(bob, 'stale', { epoch: 2n, version: 2n })), 'Fenced')
  },

  'what a write leaves out stays as it is': async (ground) => {
    const tasks = [{ kind: 'set', key: 'ring', dueMs: 1, body: bytesOf('') }] as const
    await ground.save(bob, 'one', { indexes: { score: ['1'] }, tasks })
    assert.equal(await ground.store.write(bob, { epoch: 1n, version: 1n }, {}), 2n)
    assert.equal(await ground.saved(bob), '2:one')
    assert.deepEqual(await ground.dueKeys(), ['ring'])
    assert.deepEqual(await ground.ids({ index: 'score' }), ['bob'])
  },

  'an empty state is a state': async (ground) => {
    await ground.save(bob, '')
    assert.equal((await ground.store.claim(bob, 1n)).bytes?.byteLength, 0)
    assert.equal(await ground.saved(bob), '1:')
    assert.deepEqual(await ground.ids(), ['bob'])
  },

  'an entity may have tasks and no state': async (ground) => {
    const tasks = [{ kind: 'set', key: 'ring', dueMs: 1, body: bytesOf('') }] as const
    assert.equal(await ground.save(bob, undefined, { tasks }), 1n)
    assert.deepEqual(await ground.store.claim(bob, 1n), { version: 1n, bytes: null })
    assert.equal(await ground.store.read(bob), null)
    assert.deepEqual(await ground.dueKeys(), ['ring'])
  },

  'reading gives the whole record, and nothing where nothing is': async (ground) => {
    assert.equal(await ground.store.read(bob), null)
    await ground.save(bob, 'one', { epoch: 4n })
    const record = await ground.store.read(bob)
    assert.deepEqual(
      { ...record, bytes: textOf(record?.bytes) },
      { entity: bob, epoch: 4n, version: 1n, bytes: 'one' },
    )
  },

  'the store keeps what it was given, whatever the caller does with it later': async ({
    store,
  }) => {
    const bytes = bytesOf('one')
    const writing = store.write(bob, guard, { bytes })
    await writing
    bytes.fill(0)
    const first = await store.claim(bob, 1n)
    assert.equal(textOf(first.bytes), 'one')
    first.bytes?.fill(0)
    assert.equal(textOf((await store.read(bob))?.bytes), 'one')
  },

  'a part of a larger buffer is saved as that part': async ({ store }) => {
    await store.write(bob, guard, { bytes: bytesOf('..one..').subarray(2, 5) })
    assert.equal(textOf((await store.read(bob))?.bytes), 'one')
  },

  'every byte comes back, at every size around a page': async (ground) => {
    const sizes = [1, 255, 1_900, 2_000, 2_035, 2_036, 2_100, 4_080, 4_096, 5_000, 70_000]
    for (const size of sizes) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31) & 0xff)
      await ground.store.write(thing(size), guard, { bytes })
      assert.deepEqual(new Uint8Array((await ground.store.read(thing(size)))?.bytes ?? []), bytes)
    }
  },

  'a state may grow and shrink': async (ground) => {
    for (const [i, size] of [10, 100_000, 0, 3_000, 2, 50_000, 50_001].entries()) {
      const bytes = new Uint8Array(size).fill(i + 1)
      await ground.store.write(bob, { epoch: 1n, version: BigInt(i) }, { bytes })
      const read = await ground.store.read(bob)
      assert.equal(Buffer.compare(read?.bytes ?? new Uint8Array(1), bytes), 0, `${size} bytes`)
    }
  },

  'a state of 16 MB comes back, and moves to another epoch whole': async ({ store }) => {
    const bytes = new Uint8Array(STATE_BYTES_MAX).map((_, i) => i % 251)
    await store.write(bob, guard, { bytes })
    const claimed = await store.claim(bob, 2n)
    assert.equal(Buffer.compare(claimed.bytes ?? new Uint8Array(), bytes), 0)
  },

  'ids of any kind are kept apart and come back as they were': async (ground) => {
    const ids = [
      ...[
        '0',
        ' ',
        '  ',
        '.',
        '..',
        '/',
        'a/b',
        'a',
        'A',
        'aa',
        '__proto__',
        'constructor',
        '%',
        '_',
      ],
      ...["'; --", '"', '\\', '\t', '\u0001', '\u007f', '\ufeff', '\ufffd', '\uffff', '日本', '😀'],
      ...[
        'é',
        'e\u0301',
        'ﬁ',
        'a'.repeat(512),
        '日'.repeat(512),
        '😀'.repeat(256),
        `${'a'.repeat(511)}b`,
      ],
    ]
    await Promise.all(ids.map((id) => ground.save(thing(id), id)))
    for (const id of ids) assert.equal(await ground.saved(thing(id)), `1:${id}`)
    assert.deepEqual(new Set(await ground.ids()), new Set(ids))
  },

  'types of any kind are kept apart': async (ground) => {
    const types = ['A', 'a', 'A.b', 'A-b', 'A.', '$', '__proto__', 'constructor', 'T'.repeat(128)]
    await Promise.all(types.map((type) => ground.save(thing('x', type), type)))
    for (const type of types) {
      assert.equal(await ground.saved(thing('x', type)), `1:${type}`)
      assert.deepEqual(await ground.ids({ type }), ['x'], type)
    }
  },
}
