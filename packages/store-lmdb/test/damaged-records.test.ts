import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LmdbStateStore } from '@epicserver/store-lmdb'
import type { Damage } from '@epicserver/store-lmdb'
import { flipBits } from './damage.ts'
import { tempFolder } from './temp-folder.ts'

const bob = { type: 'Player', id: 'bob' }
const eve = { type: 'Player', id: 'eve' }
const guard = { epoch: 1n, version: 0n }
const LARGE = `${'x'.repeat(100_000)}MARK-LARGE`

/** A shard with bob, damaged in every place where `marker` stands, and eve, who is well. */
async function damagedShard(
  marker: string,
): Promise<{ store: LmdbStateStore; damages: Damage[]; path: string }> {
  const path = await tempFolder()
  const fresh = await LmdbStateStore.open(path)
  const indexes = [{ index: 'score', key: Buffer.of(1) }]
  const tasks = [{ kind: 'set', key: 'ring', dueMs: 5, body: Buffer.from('MARK-TASK') }] as const
  const state = marker === 'MARK-LARGE' ? LARGE : 'a MARK-STATE'
  await fresh.write(bob, guard, { bytes: Buffer.from(state), indexes, tasks })
  await fresh.write(eve, guard, { bytes: Buffer.from('well'), indexes })
  await fresh.setIndex({
    type: 'Player',
    index: 'score',
    definition: 'MARK-INDEX',
    status: 'ready',
  })
  await fresh.close()
  assert.ok((await flipBits(path, marker)) > 0)
  const damages: Damage[] = []
  const store = await LmdbStateStore.open(path, { onDamage: (damage) => damages.push(damage) })
  return { store, damages, path }
}

describe('damaged record: of an entity (checklist 30)', () => {
  for (const marker of ['MARK-STATE', 'MARK-LARGE']) {
    it(`is refused by name, by whatever asks for it (${marker})`, async () => {
      const { store } = await damagedShard(marker)
      const expected = {
        code: 'CorruptRecord',
        retry: 'never',
        message:
          /^Cannot read "Player\/bob": (its|the) checksum (of its state )?is \w{8}, not \w{8}; a copy/,
      }
      await assert.rejects(store.claim(bob, 2n), expected)
      await assert.rejects(store.read(bob), expected)
      await store.close()
    })

    it(`troubles no other (${marker})`, async () => {
      const { store } = await damagedShard(marker)
      const [claimed] = await Promise.all([
        store.claim(eve, 2n),
        assert.rejects(store.claim(bob, 2n)),
      ])
      assert.equal(claimed.version, 1n)
      assert.equal(await store.write(eve, { epoch: 2n, version: 1n }, {}), 2n)
      for (const index of [{}, { index: 'score' }]) {
        const { rows } = await store.scan({ type: 'Player', ...index, limit: 10 })
        assert.deepEqual(
          rows.map((row) => row.entity.id),
          ['eve'],
        )
      }
      await store.close()
    })

    it(`is told of once, with its bytes (${marker})`, async () => {
      const { store, damages } = await damagedShard(marker)
      for (let time = 0; time < 3; time += 1) await assert.rejects(store.read(bob))
      await assert.rejects(store.claim(bob, 2n))
      assert.deepEqual(
        damages.map(({ entity }) => entity),
        [bob],
      )
      assert.ok(Buffer.from(damages[0]!.bytes).includes(marker.slice(0, -1)))
      await store.close()
    })
  }

  it('is copied aside, and is still refused when the shard is opened again', async () => {
    const { store, path } = await damagedShard('MARK-STATE')
    await assert.rejects(store.read(bob))
    await store.close()
    const again = await LmdbStateStore.open(path)
    const [copy, ...more] = again.quarantined()
    assert.deepEqual([copy?.entity, more], [bob, []])
    assert.ok(Buffer.from(copy!.bytes).includes('MARK-STAT'))
    await assert.rejects(again.claim(bob, 2n), { code: 'CorruptRecord' })
    await again.close()
  })

  it('is given up on demand, with its tasks, and its entity begins anew', async () => {
    const { store } = await damagedShard('MARK-STATE')
    assert.equal(await store.discardDamaged(bob), true)
    assert.deepEqual(await store.claim(bob, 1n), { version: 0n, bytes: null })
    assert.equal(store.quarantined().length, 1)
    const query = { partitions: new Set([768]), beforeMs: 10, limit: 10 }
    assert.deepEqual(await store.due(query), [])
    await store.write(bob, guard, { bytes: Buffer.from('anew'), indexes: [] })
    const { rows } = await store.scan({ type: 'Player', index: 'score', limit: 10 })
    assert.deepEqual(
      rows.map((row) => row.entity.id),
      ['eve'],
    )
    await store.close()
  })

  it('that is whole is not given up', async () => {
    const { store } = await damagedShard('MARK-STATE')
    assert.equal(await store.discardDamaged(eve), false)
    assert.equal((await store.read(eve))?.version, 1n)
    assert.equal(await store.discardDamaged({ type: 'Player', id: 'never' }), false)
    await store.close()
  })
})

describe('damaged record: of a task (checklist 30)', () => {
  it('is passed over, and taken out of the way', async () => {
    const { store } = await damagedShard('MARK-TASK')
    const tasks = [{ kind: 'set', key: 'later', dueMs: 9, body: Buffer.from('well') }] as const
    await store.write(bob, { epoch: 1n, version: 1n }, { tasks })
    const query = { partitions: new Set([768]), beforeMs: 10, limit: 1 }
    for (let time = 0; time < 2; time += 1) {
      assert.deepEqual(
        (await store.due(query)).map((task) => task.key),
        ['later'],
      )
      await store.write(eve, { epoch: 1n, version: BigInt(time + 1) }, {})
    }
    await store.close()
  })
})

describe('damaged record: of an index', () => {
  it('makes it unknown, to be built anew, and hides what it held', async () => {
    const { store } = await damagedShard('MARK-INDEX')
    assert.deepEqual(await store.indexes(), [])
    assert.deepEqual((await store.scan({ type: 'Player', index: 'score', limit: 10 })).rows, [])
    const status = {
      type: 'Player',
      index: 'score',
      definition: 'new',
      status: 'building',
    } as const
    await store.setIndex(status)
    await store.reindex(eve, 1n, [{ index: 'score', key: Buffer.of(2) }])
    const { rows } = await store.scan({ type: 'Player', index: 'score', limit: 10 })
    assert.deepEqual(
      rows.map((row) => row.entity.id),
      ['eve'],
    )
    await store.close()
  })
})
