import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { openFaultyProxy, startPostgres, findPostgres } from '@epicserver/conformance'
import type { FaultyProxy } from '@epicserver/conformance'
import { isEpicError } from '@epicserver/contracts'
import { PostgresStateStore } from '@epicserver/store-postgres'
import type { PostgresStateStoreOptions } from '@epicserver/store-postgres'
import { bytesOf, groundForTests, noPostgres, textOf, thing } from './postgres-ground.ts'

const bob = thing('bob')
const first = { epoch: 1n, version: 0n }
const skip = noPostgres ?? false

/** A counter raised under a guard, by one who claims again after each unknown outcome; it knows what it was told. */
class Counter {
  readonly #store: PostgresStateStore
  readonly #id: string
  #acknowledged = 0
  #unknown = 0
  #wake: (() => void) | undefined

  constructor(store: PostgresStateStore, id: string) {
    this.#store = store
    this.#id = id
  }

  get unknown(): number {
    return this.#unknown
  }

  async raise(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) await this.#raiseOnce()
  }

  async reaches(count: number): Promise<void> {
    while (this.#acknowledged < count) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  async check(): Promise<void> {
    const stands = Number(textOf((await this.#store.read(thing(this.#id)))?.bytes))
    const atMost = this.#acknowledged + this.#unknown
    assert.ok(stands >= this.#acknowledged, `${stands} of ${this.#acknowledged} acknowledged`)
    assert.ok(stands <= atMost, `${stands} is more than the ${atMost} that were asked for`)
  }

  async #raiseOnce(): Promise<void> {
    const { version, bytes } = await this.#store.claim(thing(this.#id), 1n)
    const next = bytesOf(String(Number(textOf(bytes)) + 1))
    try {
      await this.#store.write(thing(this.#id), { epoch: 1n, version }, { bytes: next })
      this.#acknowledged += 1
    } catch (error) {
      // Fenced: what was unknown before was done after the claim.
      assert.ok(isEpicError(error) && ['Unknown', 'Fenced'].includes(error.code), String(error))
      this.#unknown += 1
    }
    this.#wake?.()
  }
}

describe('state store on a database that is killed', { skip }, () => {
  it('loses nothing that was acknowledged, and goes on', async () => {
    const { programs = '' } = await findPostgres()
    const server = await startPostgres({ programs })
    const store = new PostgresStateStore({
      addresses: [server.address],
      schema: 'killed',
      requestMs: 30_000,
    })
    const counters = Array.from({ length: 50 }, (_, i) => new Counter(store, `c${i}`))
    for (let round = 1; round <= 2; round += 1) {
      const raising = Promise.all(counters.map((counter) => counter.raise(20)))
      await counters[0]?.reaches(round * 10)
      await server.kill()
      await server.start()
      await raising
      for (const counter of counters) await counter.check()
    }
    await store.close()
    await server.stop()
  })
})

describe('state store whose connections fail', { skip }, () => {
  const ground = groundForTests()
  const proxies: FaultyProxy[] = []
  after(async () => {
    for (const proxy of proxies) await proxy.close()
  })

  async function openThroughProxy(
    options: Partial<PostgresStateStoreOptions> = {},
  ): Promise<{ store: PostgresStateStore; proxy: FaultyProxy }> {
    const proxy = await openFaultyProxy({
      listenOn: { port: 0, host: '127.0.0.1' },
      connectTo: { port: ground.server.port, host: '127.0.0.1' },
    })
    proxies.push(proxy)
    const addresses = [`postgres://postgres@127.0.0.1:${proxy.port}/postgres`]
    const store = ground.open({ addresses, ...options })
    await store.write(bob, first, { bytes: bytesOf('0') })
    return { store, proxy }
  }

  it('is right about what was done when they are cut, and makes new ones', async () => {
    const { store, proxy } = await openThroughProxy()
    const counters = Array.from({ length: 50 }, (_, i) => new Counter(store, `c${i}`))
    const raising = Promise.all(counters.map((counter) => counter.raise(20)))
    for (const count of [5, 10]) {
      await counters[0]?.reaches(count)
      await proxy.cut()
      await proxy.heal()
    }
    await raising
    for (const counter of counters) await counter.check()
  })

  it('says Unavailable when nothing can be reached, and works when it can again', async () => {
    const { store, proxy } = await openThroughProxy({ requestMs: 300 })
    await proxy.cut()
    const write = (version: bigint): Promise<bigint> =>
      store.write(bob, { epoch: 1n, version }, { bytes: bytesOf('1') })
    await assert.rejects(store.read(bob), { code: 'Unavailable', retry: 'safe' })
    // The first may still find a connection that was lost under it.
    await write(1n).catch(() => undefined)
    await assert.rejects(write(1n), { code: 'Unavailable', retry: 'safe' })
    await proxy.heal()
    const { version } = await store.claim(bob, 1n)
    assert.equal(await write(version), version + 1n)
  })

  it('says Unknown for a write whose answer is lost, and nothing that waits behind it hangs', async () => {
    const { store, proxy } = await openThroughProxy({ requestMs: 300, statementMs: 100 })
    await proxy.loseReplies()
    const write = (version: bigint): Promise<bigint> =>
      store.write(bob, { epoch: 1n, version }, { bytes: bytesOf('1') })
    const [lost, behind] = [write(1n), write(2n)].map((one) => one.catch((error: unknown) => error))
    const codes = [await lost, await behind].map((error) => isEpicError(error) && error.code)
    assert.equal(codes[0], 'Unknown')
    assert.ok(['Unknown', 'Unavailable'].includes(String(codes[1])), String(codes[1]))
    await proxy.heal()
    assert.equal((await store.claim(bob, 1n)).version, 2n)
  })

  it('tries a connection that was silent before it trusts it with a write', async () => {
    const { store, proxy } = await openThroughProxy({ validateAfterMs: 0 })
    await proxy.loseReplies()
    const written = store.write(bob, { epoch: 1n, version: 1n }, { bytes: bytesOf('1') })
    // Until whatever goes out first is on its way.
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    await proxy.heal()
    assert.equal(await written, 2n)
  })

  it('a statement that takes too long is certainly not done', async () => {
    const store = ground.open({ schema: 'slow', statementMs: 100, requestMs: 400 })
    await store.write(bob, first, { bytes: bytesOf('one') })
    const write = (): Promise<bigint> =>
      store.write(bob, { epoch: 1n, version: 1n }, { bytes: bytesOf('two') })
    await ground.admin.begin(async (transaction) => {
      await transaction`SELECT 1 FROM slow.entity FOR UPDATE`
      await assert.rejects(write(), { code: 'Unavailable', message: /statement timeout/ })
    })
    assert.equal((await store.read(bob))?.version, 1n)
    assert.equal(await write(), 2n)
  })

  it('a database that takes no writes is StoreReadOnly, and reading goes on', async () => {
    await ground.admin`CREATE ROLE reader LOGIN SUPERUSER`
    const addresses = [`postgres://reader@127.0.0.1:${ground.server.port}/postgres`]
    const store = ground.open({ addresses, schema: 'read_only', requestMs: 300 })
    await store.write(bob, first, { bytes: bytesOf('one') })
    await ground.admin`ALTER ROLE reader SET default_transaction_read_only = on`
    const late = ground.open({ addresses, schema: 'read_only', requestMs: 300 })
    await assert.rejects(late.write(bob, { epoch: 1n, version: 1n }, { bytes: bytesOf('two') }), {
      code: 'StoreReadOnly',
      retry: 'safe',
    })
    assert.equal(textOf((await late.read(bob))?.bytes), 'one')
  })

  it('what fails because of one request fails for that one only', async () => {
    const store = ground.open({ schema: 'damaged' })
    await store.prepare()
    await ground.admin.unsafe(`
      CREATE FUNCTION damaged.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'found corrupt data' USING ERRCODE = 'XX001'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON damaged.entity FOR EACH ROW
        WHEN (NEW.id = '\\x62616431' OR NEW.id = '\\x62616432') EXECUTE FUNCTION damaged.refuse();`)
    const ids = [...Array.from({ length: 300 }, (_, i) => `${i}`), 'bad1', 'bad2']
    const outcomes = await Promise.allSettled(
      ids.map((id) => store.write(thing(id), first, { bytes: bytesOf(id) })),
    )
    const failed = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [String(outcome.reason)] : [],
    )
    assert.deepEqual(failed, [
      'EpicError: Cannot write "Thing/bad1": found corrupt data',
      'EpicError: Cannot write "Thing/bad2": found corrupt data',
    ])
  })

  it('what waits for a database that is away is bounded in bytes', async () => {
    const addresses = ['postgres://postgres@127.0.0.1:1/nowhere']
    const store = ground.open({ addresses, requestMs: 100 })
    const bytes = new Uint8Array(16 * 1024 * 1024)
    const writes = Array.from({ length: 17 }, (_, i) => store.write(thing(i), first, { bytes }))
    const errors = (await Promise.allSettled(writes)).map((outcome) =>
      outcome.status === 'rejected' ? String(outcome.reason) : '',
    )
    assert.equal(errors.filter((error) => error.includes('wait for the database')).length, 2)
    assert.equal(errors.filter((error) => error.includes('ECONNREFUSED')).length, 15)
  })
})
