import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { partitionOf, PARTITIONS } from '@epicserver/contracts'
import type { Scan, ScanPage } from '@epicserver/contracts'
import type { PostgresStateStore } from '@epicserver/store-postgres'
import { adminOf, bytesOf, groundForTests, noPostgres, thing } from './postgres-ground.ts'

const names = ['first', 'second', 'third']
const guard = { epoch: 1n, version: 0n }
const ids = Array.from({ length: 120 }, (_, i) => String(i).padStart(3, '0'))
const everywhere: ReadonlySet<number> = new Set<number>(
  Array.from({ length: PARTITIONS }, (_, partition) => partition),
)

describe('a state store over three databases', { skip: noPostgres ?? false }, () => {
  const ground = groundForTests()
  let addresses: string[]
  let store: PostgresStateStore
  before(async () => {
    for (const name of names) await ground.admin`CREATE DATABASE ${ground.admin(name)}`
    addresses = names.map((name) => ground.server.address.replace(/[^/]*$/, name))
    store = ground.open({ addresses, schema: 'spread' })
    await Promise.all(ids.map(save))
  })

  async function save(id: string, i: number): Promise<void> {
    const indexes = [{ index: 'parity', key: bytesOf(String(i % 2)) }]
    const tasks = [{ kind: 'set', key: id, dueMs: 1_000 - i, body: bytesOf('') }] as const
    await store.write(thing(id), guard, { bytes: bytesOf(id), indexes, tasks })
  }

  async function walk(scan: Partial<Scan>): Promise<string[]> {
    const met: string[] = []
    let page: ScanPage | undefined
    while (page?.next !== null) {
      const rest = page === undefined ? {} : { after: page.next }
      page = await store.scan({ type: 'Thing', limit: 7, ...scan, ...rest })
      met.push(...page.rows.map((row) => row.entity.id))
    }
    return met
  }

  it('keeps each entity in one of them, by its partition', async () => {
    for (const [shard, address] of addresses.entries()) {
      const admin = adminOf(address)
      const rows = await admin<{ id: string }[]>`SELECT id FROM spread.readable ORDER BY id`
      await admin.end()
      const expected = ids.filter((id) => partitionOf('Thing', id) % 3 === shard)
      assert.ok(expected.length > 20)
      assert.deepEqual(
        rows.map((row) => row.id),
        expected,
      )
    }
  })

  it('knows the highest epoch of all, of what was removed too', async () => {
    const empty = ground.open({ addresses, schema: 'epochs' })
    assert.equal(await empty.highestEpoch(), 0n)
    const high = (7n << 32n) | 5n
    for (const id of ids.slice(0, 12)) await empty.write(thing(id), guard, { bytes: bytesOf(id) })
    await empty.remove(thing('003'), { epoch: high, version: 1n })
    assert.equal(await empty.highestEpoch(), high)
  })

  it('walks over all of them in one order, forth and back', async () => {
    assert.deepEqual(await walk({}), ids)
    assert.deepEqual(await walk({ reverse: true }), ids.toReversed())
    const byParity = ids.toSorted((a, b) => (Number(a) % 2) - (Number(b) % 2))
    assert.deepEqual(await walk({ index: 'parity' }), byParity)
    assert.deepEqual(await walk({ index: 'parity', reverse: true }), byParity.toReversed())
  })

  it('walks over partitions of one of them without the others', async () => {
    const partitions = new Set([...everywhere].filter((partition) => partition % 3 === 1))
    const expected = ids.filter((id) => partitions.has(partitionOf('Thing', id)))
    assert.deepEqual(await walk({ partitions }), expected)
  })

  it('finds the earliest tasks wherever they are', async () => {
    const tasks = await store.due({ partitions: everywhere, beforeMs: 2_000, limit: 10 })
    assert.deepEqual(
      tasks.map((task) => task.key),
      ids.toReversed().slice(0, 10),
    )
  })

  it('calls an index ready when it is ready everywhere', async () => {
    const status = {
      type: 'Thing',
      index: 'parity',
      definition: 'parity',
      status: 'ready',
    } as const
    await store.setIndex(status)
    assert.deepEqual(await store.indexes(), [status])
    const admin = adminOf(addresses[1] as string)
    await admin`UPDATE spread.declared_index SET is_ready = false`
    assert.deepEqual(await store.indexes(), [{ ...status, status: 'building' }])
    await admin`DELETE FROM spread.declared_index`
    assert.deepEqual(await store.indexes(), [{ ...status, status: 'building' }])
    await admin.end()
  })

  it('drops an index everywhere', async () => {
    await store.dropIndex('Thing', 'parity')
    assert.deepEqual(await walk({ index: 'parity' }), [])
  })

  it('refuses databases in another order', async () => {
    const swapped = ground.open({ addresses: addresses.toReversed(), schema: 'spread' })
    await assert.rejects(swapped.prepare(), { code: 'Incompatible' })
  })

  it('one that cannot be reached stops its own entities only', async () => {
    const nowhere = 'postgres://postgres@127.0.0.1:1/nowhere'
    const [first = '', second = ''] = addresses
    const partly = ground.open({
      addresses: [first, second, nowhere],
      schema: 'spread',
      requestMs: 100,
    })
    const shardOf = (id: string): number => partitionOf('Thing', id) % 3
    const [near, far] = [0, 2].map((shard) => ids.find((id) => shardOf(id) === shard) ?? '')
    assert.equal((await partly.claim(thing(near ?? ''), 1n)).version, 1n)
    await assert.rejects(partly.claim(thing(far ?? ''), 1n), { code: 'Unavailable' })
  })

  it('figures are told for each of them', () => {
    const shards = store.statistics
      .filter(({ statement }) => statement === 'apply')
      .map(({ shard, requests }) => [shard, requests > 20])
    assert.deepEqual(shards, [
      [0, true],
      [1, true],
      [2, true],
    ])
  })
})
