/** Conformance of state stores: deleting an entity for good. */
import assert from 'node:assert/strict'
import { bytesOf, codeOf, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

const bob = thing('bob')

/** Saves bob at epoch 5 with an index entry and a task. */
async function saveAll(ground: Ground): Promise<void> {
  await ground.save(bob, 'one', {
    epoch: 5n,
    indexes: { score: ['1'] },
    tasks: [{ kind: 'set', key: 'ring', dueMs: 1, body: bytesOf('') }],
  })
}

export const removeCases: StateCases = {
  'state, tasks and index entries go together': async (ground) => {
    await saveAll(ground)
    await ground.store.remove(bob, { epoch: 5n, version: 1n })
    assert.equal(await ground.store.read(bob), null)
    assert.deepEqual(await ground.dueKeys(), [])
    assert.deepEqual(await ground.ids({ index: 'score' }), [])
    assert.deepEqual(await ground.ids(), [])
  },

  'a claim finds no state, at a version above 0': async (ground) => {
    await saveAll(ground)
    const version = await ground.store.remove(bob, { epoch: 5n, version: 1n })
    assert.equal(version, 2n)
    assert.deepEqual(await ground.store.claim(bob, 6n), { version: 2n, bytes: null })
  },

  'the epoch is kept, so that a stale activation cannot revive it': async (ground) => {
    await saveAll(ground)
    await ground.store.remove(bob, { epoch: 6n, version: 1n })
    assert.equal(await codeOf(ground.store.claim(bob, 5n)), 'Fenced')
    for (const version of [0n, 1n, 2n]) {
      assert.equal(await codeOf(ground.save(bob, 'stale', { epoch: 5n, version })), 'Fenced')
    }
    assert.equal(await ground.store.read(bob), null)
  },

  'a late write of the same activation cannot revive it either': async (ground) => {
    await saveAll(ground)
    await ground.store.remove(bob, { epoch: 5n, version: 1n })
    for (const version of [0n, 1n]) {
      assert.equal(await codeOf(ground.save(bob, 'late', { epoch: 5n, version })), 'Fenced')
    }
  },

  'the entity may be created again from the version that is told': async (ground) => {
    await saveAll(ground)
    const version = await ground.store.remove(bob, { epoch: 5n, version: 1n })
    assert.equal(await ground.save(bob, 'new', { epoch: 5n, version }), 3n)
    assert.equal(await ground.saved(bob), '3:new')
    assert.deepEqual(await ground.ids({ index: 'score' }), [])
  },

  'a lower epoch or another version removes nothing': async (ground) => {
    await saveAll(ground)
    for (const [epoch, version] of [
      [4n, 1n],
      [5n, 0n],
      [5n, 2n],
    ] as const) {
      assert.equal(await codeOf(ground.store.remove(bob, { epoch, version })), 'Fenced')
    }
    assert.equal(await ground.saved(bob), '1:one')
    assert.deepEqual(await ground.dueKeys(), ['ring'])
    assert.deepEqual(await ground.ids({ index: 'score' }), ['bob'])
  },

  'what was never saved leaves nothing behind': async ({ store }) => {
    assert.equal(await store.remove(bob, { epoch: 9n, version: 0n }), 0n)
    assert.deepEqual(await store.claim(bob, 1n), { version: 0n, bytes: null })
  },

  'what was removed may be removed again': async (ground) => {
    await saveAll(ground)
    const version = await ground.store.remove(bob, { epoch: 5n, version: 1n })
    const again = await ground.store.remove(bob, { epoch: 5n, version })
    assert.deepEqual(await ground.store.claim(bob, 5n), { version: again, bytes: null })
  },

  'a large state goes, too': async (ground) => {
    await ground.save(bob, 'x'.repeat(100_000))
    await ground.store.remove(bob, { epoch: 1n, version: 1n })
    assert.equal(await ground.store.read(bob), null)
    assert.deepEqual(await ground.store.claim(bob, 1n), { version: 2n, bytes: null })
  },

  'neighbours are left alone': async (ground) => {
    const neighbours = ['bo', 'bob ', 'bobb', 'BOB'].map((id) => thing(id))
    const tasks = [{ kind: 'set', key: 'ring', dueMs: 1, body: bytesOf('') }] as const
    for (const entity of neighbours)
      await ground.save(entity, 'x', { tasks, indexes: { score: ['1'] } })
    await saveAll(ground)
    await ground.store.remove(bob, { epoch: 5n, version: 1n })
    assert.equal((await ground.dueKeys()).length, 4)
    assert.deepEqual(await ground.ids({ index: 'score' }), ['BOB', 'bo', 'bob ', 'bobb'])
  },
}
