/** Conformance of state stores: what no store keeps is refused before anything is written. */
import assert from 'node:assert/strict'
import { STATE_BYTES_MAX } from '@epicserver/contracts'
import type { TaskChange, Write } from '@epicserver/contracts'
import { ALL_PARTITIONS, bytesOf, codeOf, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

const bob = thing('bob')
const body = new Uint8Array()

export const refusalCases: StateCases = {
  'an id without a form on disk': async ({ store }) => {
    for (const id of ['', 'a\0b', 'a\nb', '\ud800', 'a'.repeat(513)]) {
      assert.equal(await codeOf(store.claim(thing(id), 1n)), 'InvalidId', JSON.stringify(id))
      assert.equal(await codeOf(store.read(thing(id))), 'InvalidId', JSON.stringify(id))
    }
    assert.equal(await codeOf(store.claim(thing('x', 'not a type'), 1n)), 'InvalidId')
  },

  'a state above the limit, with all that came with it': async (ground) => {
    const write = { bytes: new Uint8Array(STATE_BYTES_MAX + 1), tasks: [task('ring', 1)] }
    assert.equal(await refused(ground, write), 'StateTooLarge')
    assert.deepEqual(await ground.dueKeys(), [])
  },

  'a task with a name, an instant or a body that cannot be': async (ground) => {
    assert.equal(await refused(ground, { tasks: [task('', 1)] }), 'InvalidId')
    assert.equal(await refused(ground, { tasks: [task('k'.repeat(257), 1)] }), 'InvalidId')
    for (const dueMs of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(await refused(ground, { tasks: [task('ring', dueMs)] }), 'SettingsInvalid')
    }
    const large = { ...task('ring', 1), body: new Uint8Array(64 * 1024 + 1) }
    assert.equal(await refused(ground, { tasks: [large] }), 'MessageTooLarge')
  },

  'an index entry with a name or a key that cannot be': async (ground) => {
    const entry = { index: 'score', key: new Uint8Array(201) }
    assert.equal(await refused(ground, { indexes: [entry] }), 'MessageTooLarge')
    const nameless = { index: '', key: body }
    assert.equal(await refused(ground, { indexes: [nameless] }), 'InvalidId')
    await ground.save(bob, 'one')
    assert.equal(await codeOf(ground.store.reindex(bob, 1n, [entry])), 'MessageTooLarge')
  },

  'epochs and versions outside of 64 bits': async ({ store }) => {
    for (const value of [-1n, 1n << 64n]) {
      assert.equal(await codeOf(store.claim(bob, value)), 'SettingsInvalid')
      const write = store.write(bob, { epoch: 1n, version: value }, { bytes: body })
      assert.equal(await codeOf(write), 'SettingsInvalid')
      assert.equal(
        await codeOf(store.remove(bob, { epoch: value, version: 0n })),
        'SettingsInvalid',
      )
    }
  },

  'pages and partitions that cannot be': async ({ store }) => {
    for (const limit of [0, -1, 1.5]) {
      assert.equal(await codeOf(store.scan({ type: 'Thing', limit })), 'SettingsInvalid')
      const query = { partitions: ALL_PARTITIONS, beforeMs: 1, limit }
      assert.equal(await codeOf(store.due(query)), 'SettingsInvalid')
    }
    const partitions = new Set([1024])
    const scan = store.scan({ type: 'Thing', limit: 1, partitions })
    assert.equal(await codeOf(scan), 'SettingsInvalid')
  },

  'an index that cannot be announced': async ({ store }) => {
    const status = { type: 'Thing', index: 'score', definition: '', status: 'ready' } as const
    assert.equal(await codeOf(store.setIndex({ ...status, type: 'a b' })), 'InvalidId')
    assert.equal(await codeOf(store.setIndex({ ...status, index: '' })), 'InvalidId')
    assert.deepEqual(await store.indexes(), [])
  },

  'one refused write does not trouble those beside it': async (ground) => {
    const good = ground.save(thing('good'), 'good')
    const bad = codeOf(ground.save(thing(''), 'bad'))
    const after = ground.save(thing('after'), 'after')
    assert.deepEqual(await Promise.all([good, bad, after]), [1n, 'InvalidId', 1n])
  },
}

function task(key: string, dueMs: number): TaskChange {
  return { kind: 'set', key, dueMs, body: bytesOf('') }
}

/** The code with which a first write of bob is refused; it leaves no record. */
async function refused(ground: Ground, write: Write): Promise<unknown> {
  const code = await codeOf(ground.store.write(bob, { epoch: 1n, version: 0n }, write))
  assert.deepEqual(await ground.store.claim(bob, 1n), { version: 0n, bytes: null })
  return code
}
