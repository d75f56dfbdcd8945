/** Conformance of state stores: claiming an entity for an activation. */
import assert from 'node:assert/strict'
import { codeOf, textOf, thing } from './ground.ts'
import type { StateCases } from './ground.ts'

const bob = thing('bob')

export const claimCases: StateCases = {
  'an entity that was never saved has version 0 and no state': async ({ store }) => {
    assert.deepEqual(await store.claim(bob, 7n), { version: 0n, bytes: null })
  },

  'claiming what was never saved writes nothing': async ({ store }) => {
    await store.claim(bob, 7n)
    assert.equal(await store.read(bob), null)
    assert.deepEqual(await store.claim(bob, 3n), { version: 0n, bytes: null })
  },

  'a claim gives what was saved': async (ground) => {
    await ground.save(bob, 'one')
    const claimed = await ground.store.claim(bob, 2n)
    assert.equal(claimed.version, 1n)
    assert.equal(textOf(claimed.bytes), 'one')
  },

  'a claim raises the epoch, and a lower one is refused from then on': async (ground) => {
    await ground.save(bob, 'one')
    await ground.store.claim(bob, 5n)
    assert.equal((await ground.store.read(bob))?.epoch, 5n)
    assert.equal(await codeOf(ground.store.claim(bob, 4n)), 'Fenced')
  },

  'a claim changes neither state nor version': async (ground) => {
    await ground.save(bob, 'one')
    await ground.store.claim(bob, 5n)
    assert.equal(await ground.saved(bob), '1:one')
  },

  'the same epoch may claim again': async (ground) => {
    await ground.save(bob, 'one')
    await ground.store.claim(bob, 5n)
    assert.equal((await ground.store.claim(bob, 5n)).version, 1n)
  },

  'a claim that is refused changes nothing': async (ground) => {
    await ground.save(bob, 'one')
    await ground.store.claim(bob, 5n)
    await codeOf(ground.store.claim(bob, 4n))
    assert.equal(await ground.save(bob, 'two', { epoch: 5n, version: 1n }), 2n)
  },

  'the refusal names the entity and is not safe to repeat blindly': async (ground) => {
    await ground.save(bob, 'one', { epoch: 5n })
    await assert.rejects(ground.store.claim(bob, 4n), {
      name: 'EpicError',
      code: 'Fenced',
      retry: 'unknown',
      message: /Thing\/bob/,
    })
  },

  'the writer before is refused as soon as another has claimed': async (ground) => {
    await ground.save(bob, 'one', { epoch: 1n })
    await ground.store.claim(bob, 2n)
    assert.equal(await codeOf(ground.save(bob, 'late', { epoch: 1n, version: 1n })), 'Fenced')
    assert.equal(await ground.saved(bob), '1:one')
  },

  'entities of two types are two, whatever their ids': async (ground) => {
    await ground.save(thing('bob', 'Player'), 'player', { epoch: 9n })
    assert.deepEqual(await ground.store.claim(thing('bob', 'Barrel'), 1n), {
      version: 0n,
      bytes: null,
    })
  },

  'epochs are kept in 64 bits': async (ground) => {
    const highest = 0xffff_ffff_ffff_ffffn
    await ground.save(bob, 'one', { epoch: 0n })
    await ground.store.claim(bob, highest)
    assert.equal((await ground.store.read(bob))?.epoch, highest)
    assert.equal(await codeOf(ground.store.claim(bob, highest - 1n)), 'Fenced')
  },
}
