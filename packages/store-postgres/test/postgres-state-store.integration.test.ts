import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import type { SlowStatement } from '@epicserver/store-postgres'
import { bytesOf, groundForTests, noPostgres, textOf, thing } from './postgres-ground.ts'

const first = { epoch: 1n, version: 0n }
const nasty = [
  `'; DROP TABLE entity; --`,
  `"}',NULL); SELECT pg_sleep(10); --`,
  '\\x00',
  '{a,"b"}',
  '$1',
  'NULL',
  '%s',
  '😀'.repeat(256),
  '\u{10ffff}',
]

describe('state store on PostgreSQL', { skip: noPostgres ?? false }, () => {
  const ground = groundForTests()

  it('checklist 28: ids, names, keys and values never become SQL', async () => {
    const store = ground.open({ schema: 'nasty' })
    for (const text of nasty) {
      const indexes = [{ index: text.slice(0, 20), key: bytesOf(text).subarray(0, 200) }]
      const tasks = [
        { kind: 'set', key: text.slice(0, 20), dueMs: 1, body: bytesOf(text) },
      ] as const
      await store.write(thing(text), first, { bytes: bytesOf(text), indexes, tasks })
    }
    for (const text of nasty) {
      assert.equal(textOf((await store.read(thing(text)))?.bytes), text)
      const [row] = (await store.scan({ type: 'Thing', index: text.slice(0, 20), limit: 1 })).rows
      assert.equal(row?.entity.id, text)
    }
    const type = await store.write({ type: 'NULL', id: 'a' }, first, { bytes: bytesOf('') })
    assert.equal(type, 1n)
    assert.equal(await store.read({ type: `x' OR 'a'='a`, id: 'a' }).catch(codeOf), 'InvalidId')
  })

  it('of two nodes that claim with one epoch each, the higher one writes and the lower does not', async () => {
    const [mine, yours] = [ground.open({ schema: 'race' }), ground.open({ schema: 'race' })]
    const bob = thing('bob')
    await mine.write(bob, first, { bytes: bytesOf('0') })
    for (let round = 1n; round <= 20n; round += 1n) {
      const [low, high] = [round * 2n, round * 2n + 1n]
      const claims = await Promise.allSettled([mine.claim(bob, low), yours.claim(bob, high)])
      assert.equal(claims[1]?.status, 'fulfilled')
      const bytes = bytesOf(`${round}`)
      const writes = await Promise.all([
        mine.write(bob, { epoch: low, version: round }, { bytes }).catch(codeOf),
        yours.write(bob, { epoch: high, version: round }, { bytes }).catch(codeOf),
      ])
      assert.deepEqual(writes, ['Fenced', round + 1n])
    }
  })

  it('of two nodes that write from one version exactly one wins, whatever is in their batches', async () => {
    const stores = [ground.open({ schema: 'rivals' }), ground.open({ schema: 'rivals' })]
    const ids = Array.from({ length: 500 }, (_, i) => i)
    for (let version = 0n; version < 3n; version += 1n) {
      const guard = { epoch: 1n, version }
      const outcomes = await Promise.all(
        stores.map((store, i) => {
          const order = i === 0 ? ids : ids.toReversed()
          const write = (id: number): Promise<unknown> =>
            store.write(thing(id), guard, { bytes: bytesOf(`${i}`) }).catch(codeOf)
          return Promise.all(order.map(write)).then((all) => (i === 0 ? all : all.toReversed()))
        }),
      )
      for (const id of ids) {
        const both = [outcomes[0]?.[id], outcomes[1]?.[id]]
        assert.deepEqual(new Set(both), new Set([version + 1n, 'Fenced']), `${id}`)
      }
    }
  })

  it('a reindex beside a write leaves the entries of one of them, never of both', async () => {
    const [writer, builder] = [ground.open({ schema: 'build' }), ground.open({ schema: 'build' })]
    const ids = Array.from({ length: 200 }, (_, i) => i)
    const save = (id: number, version: bigint): Promise<bigint> =>
      writer.write(
        thing(id),
        { epoch: 1n, version },
        { bytes: bytesOf(''), indexes: [{ index: 'score', key: bytesOf('written') }] },
      )
    await Promise.all(ids.map((id) => writer.write(thing(id), first, { bytes: bytesOf('') })))
    const built = [{ index: 'score', key: bytesOf('built') }]
    await Promise.all(
      ids.flatMap((id): Promise<unknown>[] => [
        builder.reindex(thing(id), 1n, built),
        save(id, 1n),
      ]),
    )
    const { rows } = await writer.scan({ type: 'Thing', index: 'score', limit: 1_000 })
    assert.deepEqual(
      rows.map((row) => textOf(row.key)),
      ids.map(() => 'written'),
    )
  })

  it('a page of large states is cut by its bytes, and the walk meets them all', async () => {
    const store = ground.open({ schema: 'large' })
    const bytes = new Uint8Array(3 * 1024 * 1024)
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const indexes = [{ index: 'all', key: bytesOf('') }]
    for (const id of ids) await store.write(thing(id), first, { bytes, indexes })
    for (const walk of [{}, { index: 'all' }]) {
      const one = await store.scan({ type: 'Thing', ...walk, limit: 7 })
      assert.deepEqual(one.rows.map(idOf), ['a', 'b', 'c'])
      const two = await store.scan({ type: 'Thing', ...walk, limit: 7, after: one.next ?? bytes })
      const three = await store.scan({ type: 'Thing', ...walk, limit: 7, after: two.next ?? bytes })
      assert.deepEqual([...two.rows, ...three.rows].map(idOf), ['d', 'e', 'f', 'g'])
      assert.equal(three.next, null)
    }
  })

  it('a thousand writes of a turn are a few statements', async () => {
    const store = ground.open({ schema: 'batches' })
    const write = (i: number): Promise<bigint> =>
      store.write(thing(i), first, { bytes: bytesOf('x') })
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => write(i)))
    const apply = store.statistics.find(({ statement }) => statement === 'apply')
    assert.equal(apply?.requests, 1_000)
    assert.equal(apply?.count, 4)
  })

  it('says what statements cost, and which failed, without a word of what they held', async () => {
    const slow: SlowStatement[] = []
    const onSlow = (one: SlowStatement): void => void slow.push(one)
    const store = ground.open({ schema: 'figures', slowMs: 0, onSlow })
    await store.write(thing('secret'), first, { bytes: bytesOf('secret') })
    await store.read(thing('secret'))
    await ground.admin`DROP TABLE figures.task`
    await store.due({ partitions: new Set([1]), beforeMs: 1, limit: 1 }).catch(codeOf)
    const figures = store.statistics
    assert.deepEqual(
      figures.map(({ statement, count, errors }) => [statement, count, errors]),
      [
        ['apply', 1, 0],
        ['due', 1, 1],
        ['read', 1, 0],
      ],
    )
    for (const { p50Ms, p99Ms, maxMs, totalMs } of figures)
      assert.ok(p50Ms > 0 && p50Ms <= p99Ms && p99Ms <= maxMs && totalMs > 0)
    assert.deepEqual(store.slowStatements, slow)
    assert.deepEqual(
      slow.map((one) => one.statement),
      ['apply', 'read', 'due'],
    )
    assert.match(slow[2]?.error ?? '', /does not exist/)
    assert.ok(!JSON.stringify([slow, figures]).includes('secret'))
  })

  it('lets go of the program when it is closed, also while it waits for a database', async () => {
    const addresses = ['postgres://postgres@127.0.0.1:1/nowhere']
    const store = ground.open({ addresses, requestMs: 200 })
    const waiting = store.write(thing('a'), first, { bytes: bytesOf('') }).catch(codeOf)
    const reading = store.read(thing('a')).catch(codeOf)
    await store.close()
    assert.deepEqual(await Promise.all([waiting, reading]), ['Unavailable', 'Unavailable'])
  })
})

function codeOf(error: unknown): unknown {
  return isEpicError(error) ? error.code : error
}

function idOf(row: { readonly entity: { readonly id: string } }): string {
  return row.entity.id
}
