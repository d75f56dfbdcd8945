/** Conformance of state stores: walks in pages, while the world goes on. */
import assert from 'node:assert/strict'
import type { Scan, ScanPage } from '@epicserver/contracts'
import { bytesOf, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

const ids = Array.from({ length: 100 }, (_, i) => String(i).padStart(3, '0'))

/** Saves things `000` to `099`, each with its id as score. */
async function saveHundred(ground: Ground): Promise<void> {
  await Promise.all(ids.map((id) => ground.save(thing(id), id, { indexes: { score: [id] } })))
}

async function page(ground: Ground, scan: Partial<Scan>, before?: ScanPage): Promise<ScanPage> {
  const after = before?.next
  const rest = after === undefined || after === null ? {} : { after }
  return ground.store.scan({ type: 'Thing', limit: 10, ...scan, ...rest })
}

function idsOf(found: ScanPage): string[] {
  return found.rows.map((row) => row.entity.id)
}

export const pagingCases: StateCases = {
  'pages of any size meet every row once, in both directions': async (ground) => {
    await saveHundred(ground)
    for (const size of [1, 3, 10, 99, 100, 101]) {
      for (const index of [{}, { index: 'score' }]) {
        assert.deepEqual(await ground.ids({ ...index, page: size }), ids)
        const reverse = await ground.ids({ ...index, page: size, reverse: true })
        assert.deepEqual(reverse, ids.toReversed())
      }
    }
  },

  'pages keep to the bounds of the walk': async (ground) => {
    await saveHundred(ground)
    const bounds = { from: bytesOf('015'), to: bytesOf('042') }
    for (const index of [{}, { index: 'score' }]) {
      const forth = await ground.ids({ ...index, ...bounds, page: 4 })
      assert.deepEqual(forth, ids.slice(15, 42))
      const back = await ground.ids({ ...index, ...bounds, page: 4, reverse: true })
      assert.deepEqual(back, ids.slice(15, 42).toReversed())
    }
  },

  'many rows with one key are met once each': async (ground) => {
    await Promise.all(ids.map((id) => ground.save(thing(id), id, { indexes: { team: ['red'] } })))
    assert.deepEqual(await ground.ids({ index: 'team', page: 7 }), ids)
    const reverse = await ground.ids({ index: 'team', page: 7, reverse: true })
    assert.deepEqual(reverse, ids.toReversed())
  },

  'a walk over nothing ends at once': async (ground) => {
    assert.deepEqual(await page(ground, {}), { rows: [], next: null })
    assert.deepEqual(await page(ground, { index: 'score', reverse: true }), {
      rows: [],
      next: null,
    })
  },

  'a row that is removed between pages is not met, and the walk goes on': async (ground) => {
    await saveHundred(ground)
    const walks = [{}, { index: 'score' }]
    const firsts = await Promise.all(walks.map((walk) => page(ground, walk)))
    for (const id of ['009', '010'])
      await ground.store.remove(thing(id), { epoch: 1n, version: 1n })
    for (const [i, walk] of walks.entries()) {
      assert.deepEqual(idsOf(await page(ground, walk, firsts[i])), ids.slice(11, 21))
    }
  },

  'a row that appears behind the walk is not met, one before it is': async (ground) => {
    await saveHundred(ground)
    const first = await page(ground, { limit: 50 })
    for (const id of ['0001', '0491', '0492', '0751']) await ground.save(thing(id), id)
    const second = await page(ground, { limit: 100 }, first)
    assert.deepEqual(idsOf(second), [...ids.slice(50), '0491', '0492', '0751'].toSorted())
  },

  'a row whose key moves ahead of the walk is met again, one that moves behind is not': async (
    ground,
  ) => {
    await saveHundred(ground)
    const first = await page(ground, { index: 'score', limit: 50 })
    await ground.save(thing('000'), 'x', { version: 1n, indexes: { score: ['0995'] } })
    await ground.save(thing('099'), 'x', { version: 1n, indexes: { score: ['0005'] } })
    const second = await page(ground, { index: 'score', limit: 100 }, first)
    assert.deepEqual(idsOf(second), [...ids.slice(50, 99), '000'])
  },

  'rows that change all the time trouble none of those that do not': async (ground) => {
    await saveHundred(ground)
    const [still, restless] = [ids.filter((_, i) => i % 3 !== 0), ids.filter((_, i) => i % 3 === 0)]
    const met: string[] = []
    let found: ScanPage | undefined
    for (let round = 1; found?.next !== null; round += 1) {
      assert.ok(round < 1_000, 'the walk does not end')
      const stir = restless.map((id) => {
        const score = `${(Number(id) * 7 + round * 13) % 100}`.padStart(3, '0')
        return ground.save(thing(id), 'x', { version: BigInt(round), indexes: { score: [score] } })
      })
      const [walked] = await Promise.all([
        page(ground, { index: 'score', limit: 9 }, found),
        ...stir,
      ])
      found = walked
      met.push(...idsOf(walked))
    }
    assert.deepEqual(
      met.filter((id) => still.includes(id)),
      still,
    )
  },

  'thousands of rows are walked in pages': async (ground) => {
    const many = Array.from({ length: 3_000 }, (_, i) => String(i).padStart(5, '0'))
    await Promise.all(many.map((id) => ground.save(thing(id), id, { indexes: { score: [id] } })))
    assert.deepEqual(await ground.ids({ page: 256 }), many)
    assert.deepEqual(await ground.ids({ page: 256, index: 'score' }), many)
  },
}
