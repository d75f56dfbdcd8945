/** Conformance of state stores: index entries that change with the state, and indexes that come and go. */
import assert from 'node:assert/strict'
import type { IndexStatus } from '@epicserver/contracts'
import { entriesOf, textOf, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

const bob = thing('bob')

function status(index: string, change: Partial<IndexStatus> = {}): IndexStatus {
  return { type: 'Thing', index, definition: `by ${index}`, status: 'building', ...change }
}

/** What an index holds: `bob=5`. */
async function entries(ground: Ground, index = 'score'): Promise<string[]> {
  return (await ground.rows({ index })).map((row) => `${row.entity.id}=${textOf(row.key)}`)
}

export const indexCases: StateCases = {
  'a write replaces all entries of the entity in the same commit': async (ground) => {
    await ground.save(bob, 'one', { indexes: { score: ['1', '2'], team: ['red'] } })
    await ground.save(bob, 'two', { version: 1n, indexes: { score: ['2', '3'] } })
    assert.deepEqual(await entries(ground), ['bob=2', 'bob=3'])
    assert.deepEqual(await entries(ground, 'team'), [])
  },

  'a write that says nothing of indexes leaves them': async (ground) => {
    await ground.save(bob, 'one', { indexes: { score: ['1'] } })
    await ground.save(bob, 'two', { version: 1n })
    await ground.store.claim(bob, 2n)
    await ground.save(bob, 'x'.repeat(10_000), { epoch: 2n, version: 2n })
    assert.deepEqual(await entries(ground), ['bob=1'])
    await ground.save(bob, 'four', { epoch: 2n, version: 3n, indexes: { score: ['4'] } })
    assert.deepEqual(await entries(ground), ['bob=4'])
  },

  'an empty set takes all entries away': async (ground) => {
    await ground.save(bob, 'one', { indexes: { score: ['1'], team: ['red'] } })
    await ground.save(bob, 'two', { version: 1n, indexes: {} })
    assert.deepEqual(await entries(ground), [])
    assert.deepEqual(await entries(ground, 'team'), [])
  },

  'an entity may be in 64 places, and leaves them all': async (ground) => {
    const names = Array.from({ length: 64 }, (_, i) => `index${i}`)
    const indexes = Object.fromEntries(names.map((name) => [name, ['1']]))
    await ground.save(bob, 'one', { indexes })
    for (const name of names) assert.deepEqual(await entries(ground, name), ['bob=1'])
    await ground.store.remove(bob, { epoch: 1n, version: 1n })
    for (const name of names) assert.deepEqual(await entries(ground, name), [])
  },

  'announced indexes are listed by type and name': async (ground) => {
    await ground.store.setIndex(status('team'))
    await ground.store.setIndex(status('score', { status: 'ready' }))
    await ground.store.setIndex(status('score', { type: 'Other' }))
    assert.deepEqual(await ground.store.indexes(), [
      status('score', { type: 'Other' }),
      status('score', { status: 'ready' }),
      status('team'),
    ])
    assert.deepEqual(await ground.store.indexes('Other'), [status('score', { type: 'Other' })])
    assert.deepEqual(await ground.store.indexes('Never'), [])
  },

  'an index that is built becomes ready and keeps its entries': async (ground) => {
    await ground.store.setIndex(status('score'))
    await ground.save(bob, 'one', { indexes: { score: ['1'] } })
    await ground.store.setIndex(status('score', { status: 'ready' }))
    assert.deepEqual(await ground.store.indexes(), [status('score', { status: 'ready' })])
    assert.deepEqual(await entries(ground), ['bob=1'])
  },

  'another definition drops the entries that were made for the old one': async (ground) => {
    await ground.store.setIndex(status('score', { status: 'ready' }))
    await ground.save(bob, 'one', { indexes: { score: ['1'], team: ['red'] } })
    await ground.store.setIndex(status('score', { definition: 'by points' }))
    assert.deepEqual(await entries(ground), [])
    assert.deepEqual(await entries(ground, 'team'), ['bob=red'])
    assert.deepEqual(await ground.store.indexes(), [status('score', { definition: 'by points' })])
  },

  'a write after another definition leaves no trace of the old': async (ground) => {
    await ground.store.setIndex(status('score'))
    await ground.save(bob, 'one', { indexes: { score: ['1'] } })
    await ground.store.setIndex(status('score', { definition: 'by points' }))
    await ground.save(bob, 'two', { version: 1n, indexes: { score: ['100'] } })
    assert.deepEqual(await entries(ground), ['bob=100'])
    await ground.store.setIndex(status('score'))
    assert.deepEqual(await entries(ground), [])
  },

  'dropping an index removes it and its entries, and no others': async (ground) => {
    await ground.store.setIndex(status('score'))
    await ground.store.setIndex(status('team'))
    await ground.save(bob, 'one', { indexes: { score: ['1'], team: ['red'] } })
    await ground.save(thing('bob', 'Other'), '', { indexes: { score: ['9'] } })
    await ground.store.dropIndex('Thing', 'score')
    assert.deepEqual(await ground.store.indexes(), [status('team')])
    assert.deepEqual(await entries(ground), [])
    assert.deepEqual(await entries(ground, 'team'), ['bob=red'])
    assert.deepEqual(await ground.ids({ type: 'Other', index: 'score' }), ['bob'])
    assert.equal(await ground.saved(bob), '1:one')
  },

  'an index that was dropped starts empty when it is announced again': async (ground) => {
    await ground.store.setIndex(status('score'))
    await ground.save(bob, 'one', { indexes: { score: ['1'] } })
    await ground.store.dropIndex('Thing', 'score')
    await ground.store.setIndex(status('score'))
    assert.deepEqual(await entries(ground), [])
    await ground.save(bob, 'two', { version: 1n, indexes: { score: ['2'] } })
    assert.deepEqual(await entries(ground), ['bob=2'])
  },

  'dropping an index that nobody announced is no error': async (ground) => {
    await ground.save(bob, 'one', { indexes: { score: ['1'] } })
    await ground.store.dropIndex('Thing', 'score')
    await ground.store.dropIndex('Thing', 'never')
    assert.deepEqual(await entries(ground), [])
  },

  'a writer may be ahead of the announcement': async (ground) => {
    await ground.save(bob, 'one', { indexes: { score: ['1'] } })
    await ground.store.setIndex(status('score'))
    assert.deepEqual(await entries(ground), ['bob=1'])
  },

  'an old record gets its entries, and nothing else of it changes': async (ground) => {
    await ground.save(bob, 'one', { epoch: 3n })
    assert.equal(await ground.store.reindex(bob, 1n, entriesOf({ score: ['1'] })), true)
    assert.deepEqual(await entries(ground), ['bob=1'])
    assert.equal(await ground.saved(bob), '1:one')
    assert.equal((await ground.store.read(bob))?.epoch, 3n)
    assert.equal(await ground.save(bob, 'two', { epoch: 3n, version: 1n, indexes: {} }), 2n)
    assert.deepEqual(await entries(ground), [])
  },

  'the set that an old record gets is its complete set': async (ground) => {
    await ground.save(bob, 'one', { indexes: { score: ['1'], team: ['red'] } })
    await ground.store.reindex(bob, 1n, entriesOf({ team: ['red'], level: ['7'] }))
    assert.deepEqual(await entries(ground), [])
    assert.deepEqual(await entries(ground, 'team'), ['bob=red'])
    assert.deepEqual(await entries(ground, 'level'), ['bob=7'])
  },

  'a record that changed meanwhile, or is gone, is left alone': async (ground) => {
    await ground.save(bob, 'one', { indexes: { score: ['1'] } })
    await ground.save(bob, 'two', { version: 1n, indexes: { score: ['2'] } })
    assert.equal(await ground.store.reindex(bob, 1n, entriesOf({ score: ['old'] })), false)
    assert.deepEqual(await entries(ground), ['bob=2'])
    await ground.store.remove(bob, { epoch: 1n, version: 2n })
    assert.equal(await ground.store.reindex(bob, 2n, entriesOf({ score: ['old'] })), false)
    assert.equal(await ground.store.reindex(thing('never'), 0n, entriesOf({ score: ['1'] })), false)
    assert.deepEqual(await entries(ground), [])
  },

  'an index is built beside writers, and is right at the end': async (ground) => {
    const things = Array.from({ length: 100 }, (_, i) => thing(i))
    await Promise.all(things.map((entity) => ground.save(entity, entity.id)))
    await ground.store.setIndex(status('score'))
    const build = things.map((entity) =>
      ground.store.reindex(entity, 1n, entriesOf({ score: [entity.id] })),
    )
    const writes = things
      .filter((_, i) => i % 2 === 0)
      .map((entity) => ground.save(entity, 'new', { version: 1n, indexes: { score: ['new'] } }))
    await Promise.all([...build, ...writes])
    const expected = things.map(({ id }) => `${id}=${Number(id) % 2 === 0 ? 'new' : id}`)
    assert.deepEqual(new Set(await entries(ground)), new Set(expected))
    assert.equal((await entries(ground)).length, 100)
  },

  'an index of thousands is dropped whole': async (ground) => {
    const things = Array.from({ length: 5_000 }, (_, i) => thing(i))
    await ground.store.setIndex(status('score'))
    await Promise.all(
      things.map((entity) => ground.save(entity, '', { indexes: { score: ['1'] } })),
    )
    await ground.store.dropIndex('Thing', 'score')
    assert.deepEqual(await entries(ground), [])
    assert.equal((await ground.ids()).length, 5_000)
  },
}
