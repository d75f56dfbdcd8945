/** Conformance of state stores: what is there after closing, crashing and answers that never came. */
import assert from 'node:assert/strict'
import { bytesOf, codeOf, entriesOf, textOf, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

const bob = thing('bob')
const tasks = [{ kind: 'set', key: 'ring', dueMs: 5, body: bytesOf('bell') }] as const

/** Whether a request was answered in time; one whose answer was lost is neither way. */
function watch(request: Promise<unknown>): { state: 'waiting' | 'done' | 'refused' } {
  const watched = { state: 'waiting' as 'waiting' | 'done' | 'refused' }
  request.then(
    () => (watched.state = 'done'),
    () => (watched.state = 'refused'),
  )
  return watched
}

/** Everything that a store can hold, in a few entities. */
async function fill(ground: Ground): Promise<void> {
  await ground.store.setIndex({
    type: 'Thing',
    index: 'score',
    definition: 'by score',
    status: 'ready',
  })
  await ground.save(bob, 'one', { epoch: 7n, indexes: { score: ['1'] }, tasks })
  await ground.save(bob, 'two', { epoch: 7n, version: 1n })
  await ground.save(thing('large'), 'x'.repeat(100_000), { indexes: { score: ['2'] } })
  await ground.save(thing('gone'), 'x', { epoch: 9n })
  await ground.store.remove(thing('gone'), { epoch: 9n, version: 1n })
}

async function check(ground: Ground): Promise<void> {
  assert.equal(await ground.saved(bob), '2:two')
  assert.equal(await ground.saved(thing('large')), `1:${'x'.repeat(100_000)}`)
  assert.equal(await codeOf(ground.store.claim(bob, 6n)), 'Fenced')
  assert.equal(await codeOf(ground.store.claim(thing('gone'), 8n)), 'Fenced')
  assert.deepEqual(await ground.store.claim(thing('gone'), 9n), { version: 2n, bytes: null })
  assert.deepEqual(
    (await ground.due()).map((task) => textOf(task.body)),
    ['bell'],
  )
  assert.deepEqual(await ground.ids({ index: 'score' }), ['bob', 'large'])
  assert.equal((await ground.store.indexes())[0]?.status, 'ready')
}

export const durabilityCases: StateCases = {
  'everything is there when the store is opened again': async (ground) => {
    await fill(ground)
    await ground.reopen()
    await check(ground)
  },

  'what was there goes on changing as if nothing had been': async (ground) => {
    await fill(ground)
    await ground.reopen()
    const indexes = { score: ['3'] }
    const clear = [{ kind: 'clear', key: 'ring' }] as const
    await ground.save(bob, 'three', { epoch: 7n, version: 2n, indexes, tasks: clear })
    await ground.reopen()
    assert.equal(await ground.saved(bob), '3:three')
    assert.deepEqual(await ground.due(), [])
    assert.deepEqual(await ground.ids({ index: 'score' }), ['large', 'bob'])
  },

  'everything that was answered is there after a crash': async (ground) => {
    await fill(ground)
    await ground.crash()
    await check(ground)
  },

  'closing waits for what is being written': async (ground) => {
    const writes = Array.from({ length: 300 }, (_, i) => ground.save(thing(i), `${i}`))
    const watched = writes.map((write) => watch(write))
    await ground.reopen()
    assert.ok(watched.every(({ state }) => state !== 'waiting'))
    for (const [i, { state }] of watched.entries()) {
      assert.equal(await ground.saved(thing(i)), state === 'done' ? `1:${i}` : null)
    }
  },

  'a store that is closed does nothing more': async (ground) => {
    await ground.save(bob, 'one')
    const { store } = ground
    await store.close()
    const guard = { epoch: 1n, version: 1n }
    const scan = { type: 'Thing', limit: 1 }
    const asked = [
      store.claim(bob, 1n),
      store.read(bob),
      store.write(bob, guard, { bytes: bytesOf('late') }),
      store.remove(bob, guard),
      store.scan(scan),
      store.due({ partitions: new Set([0]), beforeMs: 1, limit: 1 }),
      store.indexes(),
      store.dropIndex('Thing', 'score'),
      store.reindex(bob, 1n, entriesOf({ score: ['1'] })),
    ]
    const codes = await Promise.all(asked.map((request) => codeOf(request)))
    assert.deepEqual(new Set(codes), new Set(['Unavailable']))
  },

  'closing twice is closing once': async ({ store }) => {
    await Promise.all([store.close(), store.close()])
    await store.close()
  },

  'an outcome that never came is told by the version, and the write is repeated once': async (
    ground,
  ) => {
    const things = Array.from({ length: 100 }, (_, i) => thing(i))
    await Promise.all(things.map((entity) => ground.save(entity, 'old')))
    const watched = things.map((entity) => watch(ground.save(entity, 'new', { version: 1n })))
    await ground.crash()
    for (const [i, entity] of things.entries()) {
      const { version, bytes } = await ground.store.claim(entity, 2n)
      if (watched[i]?.state === 'done') assert.equal(version, 2n)
      assert.equal(textOf(bytes), version === 2n ? 'new' : 'old')
      if (version === 1n) await ground.save(entity, 'new', { epoch: 2n, version })
      assert.equal(await ground.saved(entity), '2:new')
    }
  },

  'a write is there whole after a crash, or not at all': async (ground) => {
    const things = Array.from({ length: 100 }, (_, i) => thing(i))
    for (const entity of things) {
      const indexes = { score: [entity.id] }
      watch(ground.save(entity, 'one', { indexes, tasks }))
    }
    await ground.crash()
    const saved = await ground.ids()
    assert.deepEqual(new Set(await ground.ids({ index: 'score' })), new Set(saved))
    assert.deepEqual(new Set((await ground.due()).map((task) => task.entity.id)), new Set(saved))
  },
}
