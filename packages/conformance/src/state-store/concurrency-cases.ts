/** Conformance of state stores: thousands of callers at once, and rivals for one entity. */
import assert from 'node:assert/strict'
import { isEpicError } from '@epicserver/contracts'
import type { EntityId, StateStore } from '@epicserver/contracts'
import { bytesOf, codeOf, textOf, thing } from './ground.ts'
import type { StateCases } from './ground.ts'

const bob = thing('bob')

/** Of ten rivals one wins each round, so the unluckiest waits for a hundred of them. */
const TRIES_MAX = 1_000

/** What became of each of many requests: a value, or the code of the refusal. */
async function outcomesOf<T>(requests: readonly Promise<T>[]): Promise<(T | string)[]> {
  const outcome = (request: Promise<T>): Promise<T | string> =>
    request.catch((error: unknown) => {
      if (isEpicError(error)) return error.code
      throw error
    })
  return Promise.all(requests.map(outcome))
}

/** Adds one to the number that is an entity's state, `times` over, whatever others do meanwhile. */
async function increment(store: StateStore, entity: EntityId, times: number): Promise<void> {
  for (let done = 0, tries = 0; done < times; tries += 1) {
    assert.ok(tries < TRIES_MAX, 'a writer is refused for ever')
    const { version, bytes } = await store.claim(entity, 1n)
    const next = bytesOf(String(Number(textOf(bytes) ?? '0') + 1))
    const written = store.write(entity, { epoch: 1n, version }, { bytes: next })
    const [outcome] = await outcomesOf([written])
    if (outcome !== 'Fenced') done += 1
  }
}

export const concurrencyCases: StateCases = {
  'a thousand entities are written at once': async (ground) => {
    const entities = Array.from({ length: 1_000 }, (_, i) => thing(i))
    const versions = await Promise.all(entities.map((entity) => ground.save(entity, entity.id)))
    assert.deepEqual(new Set(versions), new Set([1n]))
    for (const entity of entities) assert.equal(await ground.saved(entity), `1:${entity.id}`)
  },

  'of a thousand rivals with one version exactly one wins': async (ground) => {
    const rivals = Array.from({ length: 1_000 }, (_, i) => ground.save(bob, `rival ${i}`))
    const outcomes = await outcomesOf(rivals)
    assert.equal(outcomes.filter((outcome) => outcome === 1n).length, 1)
    assert.equal(outcomes.filter((outcome) => outcome === 'Fenced').length, 999)
    assert.equal(await ground.saved(bob), `1:rival ${outcomes.indexOf(1n)}`)
  },

  'writes of one entity that follow each other need not wait for answers': async (ground) => {
    const writes = Array.from({ length: 50 }, (_, i) =>
      ground.save(bob, `${i}`, { version: BigInt(i) }),
    )
    assert.deepEqual(
      await Promise.all(writes),
      Array.from({ length: 50 }, (_, i) => BigInt(i + 1)),
    )
    assert.equal(await ground.saved(bob), '50:49')
  },

  'no increment is lost between ten that read, add and write': async (ground) => {
    await Promise.all(Array.from({ length: 10 }, () => increment(ground.store, bob, 10)))
    assert.equal(await ground.saved(bob), '100:100')
  },

  'of many claims at once the highest epoch stands, and each that was refused was below one that was not':
    async (ground) => {
      await ground.save(bob, 'one', { epoch: 0n })
      const epochs = Array.from({ length: 100 }, (_, i) => BigInt(((i * 37) % 100) + 1))
      const outcomes = await outcomesOf(epochs.map((epoch) => ground.store.claim(bob, epoch)))
      assert.equal((await ground.store.read(bob))?.epoch, 100n)
      let highest = 0n
      for (const [i, epoch] of epochs.entries()) {
        assert.equal(outcomes[i] === 'Fenced', epoch < highest, `epoch ${epoch} after ${highest}`)
        if (epoch > highest) highest = epoch
      }
    },

  'a claim beside a write sees it, or fences it off': async (ground) => {
    const { store } = ground
    for (let round = 0; round < 50; round += 1) {
      const entity = thing(round)
      await ground.save(entity, 'old')
      const earlyClaim = round % 2 === 0 ? store.claim(entity, 2n) : undefined
      const written = outcomesOf([ground.save(entity, 'new', { version: 1n })])
      const claimed = await (earlyClaim ?? store.claim(entity, 2n))
      const [outcome] = await written
      assert.equal(claimed.version, outcome === 2n ? 2n : 1n)
      assert.equal(await ground.saved(entity), outcome === 2n ? '2:new' : '1:old')
      assert.equal(await codeOf(ground.save(entity, 'late', { version: 2n })), 'Fenced')
    }
  },

  'a write and a removal of one version cannot both win': async (ground) => {
    for (let round = 0; round < 20; round += 1) {
      const entity = thing(round)
      await ground.save(entity, 'old')
      const guard = { epoch: 1n, version: 1n }
      const outcomes = await outcomesOf([
        ground.save(entity, 'new', { version: 1n }),
        ground.store.remove(entity, guard),
      ])
      assert.deepEqual(new Set(outcomes), new Set([2n, 'Fenced']))
      assert.equal(await ground.saved(entity), outcomes[0] === 2n ? '2:new' : null)
    }
  },

  'a write that was answered is read by whoever asks then': async (ground) => {
    const check = async (i: number): Promise<void> => {
      await ground.save(thing(i), `${i}`, { indexes: { score: [`${i}`] } })
      assert.equal(await ground.saved(thing(i)), `1:${i}`)
      const from = bytesOf(`${i}`)
      const page = await ground.store.scan({ type: 'Thing', index: 'score', from, limit: 1 })
      assert.equal(page.rows[0]?.entity.id, `${i}`)
    }
    await Promise.all(Array.from({ length: 100 }, (_, i) => check(i)))
  },

  'large and small writes stand beside each other': async (ground) => {
    const sizes = Array.from({ length: 60 }, (_, i) => (i % 10 === 0 ? 400_000 : i))
    await Promise.all(sizes.map((size, i) => ground.save(thing(i), 'x'.repeat(size))))
    for (const [i, size] of sizes.entries()) {
      assert.equal((await ground.store.read(thing(i)))?.bytes.byteLength, size)
    }
  },

  'many entities with tasks and index entries change at once': async (ground) => {
    const entities = Array.from({ length: 200 }, (_, i) => thing(i))
    for (let round = 0; round < 3; round += 1) {
      const changes = entities.map((entity, i) =>
        ground.save(entity, `${round}`, {
          version: BigInt(round),
          indexes: { score: [`${round}`] },
          tasks: [{ kind: 'set', key: entity.id, dueMs: round * 1_000 + i, body: bytesOf('') }],
        }),
      )
      await Promise.all(changes)
    }
    assert.equal((await ground.rows({ index: 'score' })).length, 200)
    assert.deepEqual(await ground.ids({ index: 'score', to: bytesOf('2') }), [])
    assert.deepEqual(
      await ground.dueKeys(),
      entities.map((entity) => entity.id),
    )
  },
}
