/** Conformance of state stores: walks in the order of ids and of indexes. */
import assert from 'node:assert/strict'
import { ALL_PARTITIONS, bytesOf, partitionOfEntity, textOf, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

/** Saves things with scores: `{ bob: ['3'] }`. */
async function saveScores(
  ground: Ground,
  scores: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const save = ([id, score]: [string, readonly string[]]): Promise<bigint> =>
    ground.save(thing(id), id, { indexes: { score } })
  await Promise.all(Object.entries(scores).map(save))
}

export const scanCases: StateCases = {
  'without an index the order is that of ids': async (ground) => {
    for (const id of ['b', 'a', 'c', 'aa', 'B', '1', '10', '2']) await ground.save(thing(id), id)
    assert.deepEqual(await ground.ids(), ['1', '10', '2', 'B', 'a', 'aa', 'b', 'c'])
  },

  'ids are ordered by their bytes in UTF-8, not by UTF-16': async (ground) => {
    for (const id of ['\uffff', '😀', 'é', 'z', '\ue000']) await ground.save(thing(id), id)
    assert.deepEqual(await ground.ids(), ['z', 'é', '\ue000', '\uffff', '😀'])
  },

  'a walk meets its type only': async (ground) => {
    for (const type of ['Thin', 'Thing', 'Things', 'thing'])
      await ground.save(thing(type, type), '')
    assert.deepEqual(await ground.ids(), ['Thing'])
    assert.deepEqual(await ground.ids({ type: 'Nothing' }), [])
  },

  'a row is the whole record': async (ground) => {
    await ground.save(thing('bob'), 'one', { epoch: 3n, indexes: { score: ['5'] } })
    for (const [index, key] of [
      [{}, ''],
      [{ index: 'score' }, '5'],
    ] as const) {
      const [row] = await ground.rows(index)
      assert.deepEqual(
        { ...row, bytes: textOf(row?.bytes), key: textOf(row?.key) },
        { entity: thing('bob'), epoch: 3n, version: 1n, bytes: 'one', key },
      )
    }
  },

  'from is included, to is not': async (ground) => {
    for (const id of ['a', 'b', 'c', 'd']) await ground.save(thing(id), id)
    const from = bytesOf('b')
    const to = bytesOf('d')
    assert.deepEqual(await ground.ids({ from, to }), ['b', 'c'])
    assert.deepEqual(await ground.ids({ from }), ['b', 'c', 'd'])
    assert.deepEqual(await ground.ids({ to }), ['a', 'b', 'c'])
    assert.deepEqual(await ground.ids({ from: to, to: from }), [])
    assert.deepEqual(await ground.ids({ from, to: from }), [])
  },

  'in reverse the bounds mean the same': async (ground) => {
    for (const id of ['a', 'b', 'c', 'd']) await ground.save(thing(id), id)
    const bounds = { from: bytesOf('b'), to: bytesOf('d') }
    assert.deepEqual(await ground.ids({ ...bounds, reverse: true }), ['c', 'b'])
    assert.deepEqual(await ground.ids({ reverse: true }), ['d', 'c', 'b', 'a'])
    assert.deepEqual(await ground.ids({ from: bytesOf('c'), reverse: true }), ['d', 'c'])
    assert.deepEqual(await ground.ids({ to: bytesOf('c'), reverse: true }), ['b', 'a'])
  },

  'an index orders by its keys, and those of one key by id': async (ground) => {
    await saveScores(ground, { d: ['2'], b: ['1'], c: ['2'], a: ['3'], e: ['2'] })
    assert.deepEqual(await ground.ids({ index: 'score' }), ['b', 'c', 'd', 'e', 'a'])
    const reverse = await ground.ids({ index: 'score', reverse: true })
    assert.deepEqual(reverse, ['a', 'e', 'd', 'c', 'b'])
  },

  'the bounds of an index are keys of it': async (ground) => {
    await saveScores(ground, { a: ['1'], b: ['2'], c: ['2'], d: ['3'], e: ['4'] })
    const bounds = { index: 'score', from: bytesOf('2'), to: bytesOf('4') }
    assert.deepEqual(await ground.ids(bounds), ['b', 'c', 'd'])
    assert.deepEqual(await ground.ids({ ...bounds, reverse: true }), ['d', 'c', 'b'])
    assert.deepEqual(await ground.ids({ index: 'score', to: bytesOf('2') }), ['a'])
    assert.deepEqual(await ground.ids({ index: 'score', from: bytesOf('20') }), ['d', 'e'])
  },

  'keys of an index are ordered as bytes, whatever they hold': async (ground) => {
    const keys = [
      ...[[], [0], [0, 0], [0, 0, 1], [0, 1], [0, 0xff], [1], [1, 0], [0x7f]],
      ...[[0x80], [0xff], [0xff, 0], [0xff, 0xff], new Array<number>(200).fill(0xff)],
    ].map((key) => Uint8Array.from(key))
    await Promise.all(
      keys.toReversed().map((key, i) => {
        const indexes = [{ index: 'raw', key }]
        const bytes = bytesOf('')
        return ground.store.write(thing(i), { epoch: 1n, version: 0n }, { bytes, indexes })
      }),
    )
    const rows = await ground.rows({ index: 'raw' })
    assert.deepEqual(
      rows.map((row) => [...row.key]),
      keys.map((key) => [...key]),
    )
    for (const key of keys) {
      const [first] = await ground.rows({ index: 'raw', from: key })
      assert.deepEqual([...(first?.key ?? [])], [...key])
    }
  },

  'the longest key stands beside the longest id': async (ground) => {
    const indexes = [{ index: '日'.repeat(256), key: new Uint8Array(200) }]
    const entity = thing('日'.repeat(512), 'T'.repeat(128))
    await ground.store.write(entity, { epoch: 1n, version: 0n }, { bytes: bytesOf('one'), indexes })
    const [row] = await ground.rows({ type: entity.type, index: '日'.repeat(256) })
    assert.deepEqual(row?.entity, entity)
    assert.equal(row?.key.byteLength, 200)
  },

  'an entity with several entries is met for each, and once for equal ones': async (ground) => {
    await saveScores(ground, { a: ['1', '3', '1'], b: ['2'] })
    const rows = await ground.rows({ index: 'score' })
    assert.deepEqual(
      rows.map((row) => `${row.entity.id}${textOf(row.key)}`),
      ['a1', 'b2', 'a3'],
    )
  },

  'indexes of other names and types are other indexes': async (ground) => {
    await ground.save(thing('a'), '', { indexes: { score: ['1'], scores: ['2'], scor: ['3'] } })
    await ground.save(thing('a', 'Other'), '', { indexes: { score: ['4'] } })
    const keys = async (index: string): Promise<unknown[]> =>
      (await ground.rows({ index })).map((row) => textOf(row.key))
    assert.deepEqual(await keys('score'), ['1'])
    assert.deepEqual(await keys('scores'), ['2'])
    assert.deepEqual(await keys('never'), [])
  },

  'an entity without state is not met': async (ground) => {
    const tasks = [{ kind: 'set', key: 'ring', dueMs: 1, body: bytesOf('') }] as const
    await ground.save(thing('tasks'), undefined, { tasks, indexes: { score: ['1'] } })
    await ground.save(thing('gone'), '', { indexes: { score: ['1'] } })
    await ground.store.remove(thing('gone'), { epoch: 1n, version: 1n })
    assert.deepEqual(await ground.ids(), [])
    assert.deepEqual(await ground.ids({ index: 'score' }), [])
  },

  'only partitions that are asked for are walked': async (ground) => {
    const ids = Array.from({ length: 60 }, (_, i) => `${i}`)
    await Promise.all(ids.map((id) => ground.save(thing(id), id, { indexes: { score: [id] } })))
    const partitions = new Set([...ALL_PARTITIONS].filter((partition) => partition % 2 === 0))
    const expected = ids.filter((id) => partitions.has(partitionOfEntity(thing(id)))).toSorted()
    assert.ok(expected.length > 0 && expected.length < 60)
    assert.deepEqual(await ground.ids({ partitions }), expected)
    assert.deepEqual(await ground.ids({ partitions, index: 'score' }), expected)
    const reverse = await ground.ids({ partitions, index: 'score', reverse: true, page: 7 })
    assert.deepEqual(reverse, expected.toReversed())
    assert.deepEqual(await ground.ids({ partitions: new Set() }), [])
  },
}
