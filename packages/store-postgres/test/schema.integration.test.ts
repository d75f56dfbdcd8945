import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PostgresStateStore } from '@epicserver/store-postgres'
import { prepareSchema } from '#src/migration.ts'
import type { Migration } from '#src/schema.ts'
import { MIGRATIONS } from '#src/schema.ts'
import { adminOf, bytesOf, groundForTests, noPostgres, textOf, thing } from './postgres-ground.ts'

const bob = thing('bob')
const guard = { epoch: 1n, version: 0n }

describe('schema of the state store', { skip: noPostgres ?? false }, () => {
  const ground = groundForTests()

  it('nodes that start together make one', async () => {
    const stores = Array.from({ length: 6 }, () => ground.open({ schema: 'together' }))
    await Promise.all(stores.map((store) => store.prepare()))
    await stores[0]?.write(bob, guard, { bytes: bytesOf('one') })
    assert.equal(textOf((await stores[5]?.read(bob))?.bytes), 'one')
  })

  it('may be called what SQL has a word for', async () => {
    const store = ground.open({ schema: 'user' })
    assert.equal(await store.write(bob, guard, { bytes: bytesOf('one') }), 1n)
  })

  it('shows people what it holds', async () => {
    const store = ground.open({ schema: 'shown' })
    await store.write(thing('Bob: Slayer of 😀'), guard, { bytes: bytesOf('four') })
    const [row] = await ground.admin`SELECT id, version, state_bytes FROM shown.readable`
    assert.deepEqual({ ...row }, { id: 'Bob: Slayer of 😀', version: '1', state_bytes: 4 })
  })

  it('of a newer version is refused by name', async () => {
    await ground.open({ schema: 'newer' }).prepare()
    await ground.admin`UPDATE newer.meta SET format = 99`
    await assert.rejects(ground.open({ schema: 'newer' }).prepare(), {
      code: 'StoreNewer',
      message: /"newer": it has format 99, this version reads up to 1/,
    })
  })

  it('of another place among the databases is refused, in both directions', async () => {
    const { address } = ground.server
    await ground.open({ schema: 'placed', addresses: [address] }).prepare()
    await assert.rejects(
      ground.open({ schema: 'placed', addresses: [address, address] }).prepare(),
      {
        code: 'Incompatible',
        message: /as database . of 2: it was made as 1 of 1/,
      },
    )
  })

  it('of an older version becomes one of this, once, whoever comes first', async () => {
    const newer: readonly Migration[] = [
      ...MIGRATIONS,
      (s) => [`CREATE TABLE ${s}.added (one int)`, `INSERT INTO ${s}.added VALUES (1)`],
    ]
    const place = { shard: 0, shardCount: 1 }
    await ground.open({ schema: 'older' }).write(bob, guard, { bytes: bytesOf('kept') })
    const admins = Array.from({ length: 4 }, () => adminOf(ground.server.address))
    const migrate = { schema: 'older', place, migrations: newer }
    await Promise.all(admins.map((admin) => prepareSchema(admin, migrate)))
    for (const admin of admins) await admin.end()
    const [row] = await ground.admin`
      SELECT (SELECT count(*)::int FROM older.added) AS steps, format FROM older.meta`
    assert.deepEqual({ ...row }, { steps: 1, format: 2 })
    const [entity] = await ground.admin`SELECT state FROM older.entity`
    assert.equal(textOf(entity?.['state'] as Uint8Array), 'kept')
  })

  it('is left as it was by a step that fails', async () => {
    const broken: readonly Migration[] = [
      ...MIGRATIONS,
      (s) => [`CREATE TABLE ${s}.half (one int)`, 'SELECT 1 / 0'],
    ]
    const place = { shard: 0, shardCount: 1 }
    await ground.open({ schema: 'broken' }).prepare()
    const migrate = { schema: 'broken', place, migrations: broken }
    await assert.rejects(prepareSchema(ground.admin, migrate), { code: '22012' })
    const [row] =
      await ground.admin`SELECT to_regclass('broken.half') AS half, format FROM broken.meta`
    assert.deepEqual({ ...row }, { half: null, format: 1 })
  })

  it('a role without rights, one that is none, and a missing database are clear errors', async () => {
    await ground.admin`CREATE ROLE guest LOGIN`
    const { port } = ground.server
    for (const [user, database, code] of [
      ['guest', 'postgres', 'Unauthorized'],
      ['nobody', 'postgres', 'Unauthorized'],
      ['postgres', 'nowhere', 'SettingsInvalid'],
    ] as const) {
      const addresses = [`postgres://${user}@127.0.0.1:${port}/${database}`]
      await assert.rejects(ground.open({ addresses, schema: 'theirs' }).prepare(), { code })
    }
  })

  it('works for a database whose owner prefers serializable and fast commits', async () => {
    await ground.admin`CREATE ROLE hasty LOGIN SUPERUSER`
    await ground.admin`ALTER ROLE hasty SET default_transaction_isolation = 'serializable'`
    await ground.admin`ALTER ROLE hasty SET synchronous_commit = 'off'`
    const addresses = [`postgres://hasty@127.0.0.1:${ground.server.port}/postgres`]
    const stores = [1, 2].map(() => ground.open({ addresses, schema: 'hasty' }))
    const writes = stores.flatMap((store, i) =>
      Array.from({ length: 300 }, (_, n) =>
        store.write(thing(`${i} ${n}`), guard, { bytes: bytesOf('x') }),
      ),
    )
    assert.deepEqual(new Set(await Promise.all(writes)), new Set([1n]))
  })

  it('checklist 46: two clusters in one database cannot read each other', async () => {
    await ground.open({ schema: 'mine' }).write(bob, guard, { bytes: bytesOf('mine') })
    assert.equal(await ground.open({ schema: 'yours' }).read(bob), null)
  })

  it('checklist 28: a schema whose name could be more than a name is refused', () => {
    const addresses = ['postgres://u@localhost/d']
    for (const schema of ['', 'State', 'a"b', 'a;drop', 'a.b', 'x'.repeat(49)]) {
      const open = (): unknown => new PostgresStateStore({ addresses, schema })
      assert.throws(open, { code: 'SettingsInvalid' }, schema)
    }
  })

  it('a store without an address is refused', () => {
    const open = (): unknown => new PostgresStateStore({ addresses: [], schema: 'state' })
    assert.throws(open, { code: 'SettingsInvalid' })
  })
})
