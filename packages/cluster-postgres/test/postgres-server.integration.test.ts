import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { findPostgres, openFaultyProxy, startPostgres } from '@epicserver/conformance'
import type { PostgresServer } from '@epicserver/conformance'
import { PostgresClusterStore } from '@epicserver/cluster-postgres'
import { isEpicError } from '@epicserver/contracts'
import type { Txn } from '@epicserver/contracts'
import postgres from 'postgres'
import type { Sql } from 'postgres'

const found = await findPostgres()
const put = (key: string, text = ''): Txn => ({
  if: [],
  then: [{ op: 'put', key, value: Buffer.from(text) }],
})

describe('cluster store on a PostgreSQL server', { skip: found.missing ?? false }, () => {
  let server: PostgresServer
  let admin: Sql
  before(async () => {
    server = await startPostgres({ programs: found.programs ?? '' })
    admin = postgres(server.address, { max: 1, onnotice: () => undefined })
  })
  after(async () => {
    await admin.end()
    await server.stop()
  })
  let schemas = 0
  const connect = (schema?: string, requestMs = 10_000): PostgresClusterStore => {
    if (schema === undefined) schemas += 1
    return new PostgresClusterStore({
      address: server.address,
      schema: schema ?? `case_${schemas}`,
      requestMs,
    })
  }

  it('many clients that start together make one schema', async () => {
    const stores = [
      connect('together'),
      connect('together'),
      connect('together'),
      connect('together'),
    ]
    await Promise.all(stores.map((store, i) => store.txn(put(`k${i}`))))
    assert.equal((await stores[0]?.list(''))?.recs.length, 4)
    for (const store of stores) await store.close()
  })

  it('a schema may be called what SQL has a word for', async () => {
    const store = connect('user')
    const { id } = await store.grant(60_000)
    await store.txn({ if: [], then: [{ op: 'put', key: 'a', value: new Uint8Array(), lease: id }] })
    await store.revoke(id)
    assert.equal(await store.get('a'), null)
    await store.close()
  })

  it('checklist 46: two clusters in one database cannot read each other', async () => {
    const [mine, theirs] = [connect('mine'), connect('theirs')]
    await mine.txn(put('view'))
    assert.equal(await theirs.get('view'), null)
    await mine.close()
    await theirs.close()
  })

  it('a schema of a newer version is refused', async () => {
    const store = connect('newer')
    await store.list('')
    await store.close()
    await admin`UPDATE newer.head SET format = 99`
    const older = connect('newer')
    await assert.rejects(older.get('a'), {
      code: 'StoreNewer',
      message: /format 99, this version reads 1/,
    })
    await older.close()
  })

  it('a role without rights, one that is none, and a missing database are clear errors', async () => {
    await admin`CREATE ROLE guest LOGIN`
    const at = (user: string, database: string): PostgresClusterStore =>
      new PostgresClusterStore({
        address: `postgres://${user}@127.0.0.1:${server.port}/${database}`,
        schema: 'theirs_alone',
      })
    for (const [store, code] of [
      [at('guest', 'postgres'), 'Unauthorized'],
      [at('nobody', 'postgres'), 'Unauthorized'],
      [at('postgres', 'nowhere'), 'SettingsInvalid'],
    ] as const) {
      await assert.rejects(store.get('a'), { code })
      await store.close()
    }
  })

  it('works for a database whose owner prefers serializable and fast commits', async () => {
    await admin`CREATE ROLE hasty LOGIN SUPERUSER`
    await admin`ALTER ROLE hasty SET default_transaction_isolation = 'serializable'`
    await admin`ALTER ROLE hasty SET synchronous_commit = 'off'`
    const address = `postgres://hasty@127.0.0.1:${server.port}/postgres`
    const stores = [1, 2, 3].map(() => new PostgresClusterStore({ address, schema: 'hasty' }))
    await stores[0]?.txn(put('n', '0'))
    await Promise.all(stores.map((store) => raise(store, 20)))
    assert.equal(Buffer.from((await stores[0]?.get('n'))?.value ?? []).toString(), '60')
    for (const store of stores) await store.close()
  })

  it('a watch goes on when the connection that listens is ended', async () => {
    const store = connect('listening')
    const { rev } = await store.txn(put('a'))
    const seen: string[] = []
    let wake = (): void => undefined
    const watch = store.watch('', rev, (events) => {
      if (events !== 'reset')
        for (const event of events) seen.push(event.kind === 'put' ? event.rec.key : event.key)
      wake()
    })
    const until = async (count: number): Promise<void> => {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve))
    }
    await store.txn(put('b'))
    await until(1)
    await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen%'`
    await store.txn(put('c'))
    await until(2)
    assert.deepEqual(seen, ['b', 'c'])
    watch.close()
    await store.close()
  })

  it('after a time without ticks every lease has its whole time again', async () => {
    const store = connect('gap')
    const { id } = await store.grant(60_000)
    await store.txn({
      if: [],
      then: [{ op: 'put', key: 'member', value: new Uint8Array(), lease: id }],
    })
    // What the tables look like when the database was away, or its clock was put forward by two minutes.
    await admin`UPDATE gap.head SET ticked_at = ticked_at - interval '2 minutes'`
    await admin`UPDATE gap.lease SET ends_at = ends_at - interval '2 minutes'`
    assert.equal((await store.keepAlive(id)).ttlMs, 60_000)
    assert.equal((await store.get('member'))?.lease, id)
    await store.close()
  })

  it('after the clock went back every lease has its whole time again, and no more', async () => {
    const store = connect('back')
    const { id } = await store.grant(1_000)
    await store.txn({
      if: [],
      then: [{ op: 'put', key: 'member', value: new Uint8Array(), lease: id }],
    })
    const { rev } = await store.list('')
    const gone = new Promise<boolean>((resolve) => {
      store.watch('member', rev, (events) =>
        resolve(events !== 'reset' && events[0]?.kind === 'delete'),
      )
    })
    await admin`UPDATE back.head SET ticked_at = ticked_at + interval '1 hour'`
    await admin`UPDATE back.lease SET ends_at = ends_at + interval '1 hour'`
    assert.equal(await gone, true)
    await assert.rejects(store.keepAlive(id), { code: 'LeaseLost' })
    await store.close()
  })

  it('a lease that was called lost stays lost, even when time becomes unknown after', async () => {
    const store = connect('lost')
    const { id } = await store.grant(60_000)
    await admin`UPDATE lost.lease SET ends_at = clock_timestamp() - interval '1 second'`
    await assert.rejects(store.keepAlive(id), { code: 'LeaseLost' })
    await admin`UPDATE lost.head SET ticked_at = ticked_at - interval '1 hour'`
    await assert.rejects(store.keepAlive(id), { code: 'LeaseLost' })
    await store.close()
  })

  it('the history is bounded: what falls out is gone, and who needs it is told', async () => {
    const store = connect('history')
    const { rev } = await store.txn(put('a'))
    // As many changes as are kept at most, and one more; each client would have made them one by one.
    await admin`INSERT INTO history.change (rev, place, key) SELECT r, 1, 'x' FROM generate_series(2, 5002) r`
    await admin`UPDATE history.head SET rev = 5002, ticked_at = ticked_at - interval '1 second'`
    await admin`SELECT history.tick(true)`
    const [kept] = await admin<{ count: string }[]>`SELECT count(*) FROM history.change`
    assert.equal(kept?.count, '4000')
    const isReset = new Promise<boolean>((resolve) =>
      store.watch('', rev, (events) => resolve(events === 'reset')),
    )
    assert.equal(await isReset, true)
    const recent = new Promise<number>((resolve) => {
      store.watch('', 4_990n, (events) => resolve(events === 'reset' ? -1 : events.length))
    })
    assert.equal(await recent, 12)
    await store.close()
  })

  it('a client that is frozen inside a request stalls nobody: no lock waits for a client', async () => {
    const proxy = await openFaultyProxy({
      listenOn: { port: 0, host: '127.0.0.1' },
      connectTo: { port: server.port, host: '127.0.0.1' },
    })
    const address = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`
    const frozen = new PostgresClusterStore({ address, schema: 'frozen', requestMs: 600 })
    const other = connect('frozen')
    await frozen.list('')
    await proxy.loseReplies()
    const lost = frozen.txn(put('a')).catch((error: unknown) => error)
    for (let i = 0; i < 10; i += 1) await other.txn(put(`b${i}`))
    const error = await lost
    assert.ok(isEpicError(error) && error.code === 'Unknown', String(error))
    await proxy.close()
    await frozen.close()
    await other.close()
  })
})

describe(
  'cluster store on a PostgreSQL server that is killed',
  { skip: found.missing ?? false },
  () => {
    it('loses nothing that was acknowledged, and its clients go on', async () => {
      const server = await startPostgres({ programs: found.programs ?? '' })
      const { address } = server
      const stores = Array.from(
        { length: 4 },
        () => new PostgresClusterStore({ address, schema: 'killed', requestMs: 20_000 }),
      )
      const counters = stores.map((store, i) => new Counter(store, `c${i}`))
      for (let round = 0; round < 3; round += 1) {
        const raising = Promise.all(counters.map((counter) => counter.raise(25)))
        await counters[round]?.reaches(round * 20 + 8)
        await server.kill()
        await server.start()
        await raising
        for (const counter of counters) await counter.check()
      }
      for (const store of stores) await store.close()
      await server.stop()
    })
  },
)

async function raise(store: PostgresClusterStore, times: number): Promise<void> {
  for (let done = 0; done < times;) {
    const rec = await store.get('n')
    const value = Buffer.from(String(Number(Buffer.from(rec?.value ?? []).toString()) + 1))
    const txn: Txn = {
      if: [{ key: 'n', is: 'at', rev: rec?.rev ?? 0n }],
      then: [{ op: 'put', key: 'n', value }],
    }
    if ((await store.txn(txn)).ok) done += 1
  }
}

/** A counter raised by compare-and-set, which knows what it was told. */
class Counter {
  readonly #store: PostgresClusterStore
  readonly #key: string
  #acknowledged = 0
  #unknown = 0
  #wake: (() => void)[] = []

  constructor(store: PostgresClusterStore, key: string) {
    this.#store = store
    this.#key = key
  }

  async raise(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) await this.#raiseOnce()
  }

  async reaches(count: number): Promise<void> {
    while (this.#acknowledged < count)
      await new Promise<void>((resolve) => this.#wake.push(resolve))
  }

  async check(): Promise<void> {
    const rec = await this.#store.get(this.#key)
    const stands = Number(Buffer.from(rec?.value ?? []).toString())
    assert.ok(
      stands >= this.#acknowledged,
      `${this.#key}: ${stands} of ${this.#acknowledged} acknowledged`,
    )
    assert.ok(
      stands <= this.#acknowledged + this.#unknown,
      `${this.#key}: ${stands} is more than was asked for`,
    )
  }

  async #raiseOnce(): Promise<void> {
    const rec = await this.#store.get(this.#key)
    const next = Number(Buffer.from(rec?.value ?? []).toString()) + 1
    const condition =
      rec === null
        ? ({ key: this.#key, is: 'missing' } as const)
        : ({ key: this.#key, is: 'at', rev: rec.rev } as const)
    try {
      const { ok } = await this.#store.txn({ ...put(this.#key, String(next)), if: [condition] })
      if (ok) this.#acknowledged = next
    } catch (error) {
      assert.ok(isEpicError(error) && error.code === 'Unknown', String(error))
      this.#unknown += 1
    }
    for (const wake of this.#wake.splice(0)) wake()
  }
}
