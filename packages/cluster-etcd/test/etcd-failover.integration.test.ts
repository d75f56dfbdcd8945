import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { findEtcd, startEtcdServers } from '@epicserver/conformance'
import type { EtcdServers } from '@epicserver/conformance'
import { EtcdClusterStore } from '@epicserver/cluster-etcd'
import { isEpicError } from '@epicserver/contracts'
import type { ClusterStore, WatchEvent } from '@epicserver/contracts'
import { patience } from './patience.ts'

const etcd = await findEtcd()
let cases = 0

describe('etcd fail-over', { skip: etcd.missing ?? false }, () => {
  let servers: EtcdServers
  before(async () => {
    servers = await startEtcdServers({ binary: etcd.binary ?? '', count: 3 })
  })
  after(() => servers.stop())

  const connect = (endpoints = servers.endpoints, requestMs = 10_000): EtcdClusterStore => {
    return new EtcdClusterStore({ endpoints, prefix: `case-${cases}/`, requestMs })
  }

  it('the leader is killed: no acknowledged write is lost, and a watch misses nothing', async () => {
    cases += 1
    const [store, watcher] = [connect(), connect()]
    const seen = new Seen(watcher, (await store.list('')).rev)
    const writers = Array.from({ length: 4 }, (_, i) => new Writer(connect(), `w${i}`))
    const writing = writers.map((writer) => writer.write(60))
    await writers[0]?.reaches(20)
    const leader = await leaderOf(servers)
    await servers.kill(leader)
    await Promise.all(writing)
    await servers.start(leader)
    for (const writer of writers) await writer.check(store)
    await store.txn({ if: [], then: [{ op: 'put', key: 'end', value: new Uint8Array() }] })
    await seen.until('end')
    const state = (await store.list('')).recs.map((rec) => [rec.key, rec.rev])
    assert.deepEqual([...seen.latest].toSorted(byKey), state)
    assert.equal(seen.isAscending, true)
    for (const one of [store, watcher, ...writers.map((writer) => writer.store)]) await one.close()
  })

  it('a lease survives the death of the leader, and its renewals go on', async () => {
    cases += 1
    const store = connect()
    const { id, ttlMs } = await store.grant(5_000)
    await store.txn({
      if: [],
      then: [{ op: 'put', key: 'member', value: new Uint8Array(), lease: id }],
    })
    const leader = await leaderOf(servers)
    await servers.kill(leader)
    for (let i = 0; i < 20; i += 1) assert.equal((await store.keepAlive(id)).ttlMs, ttlMs)
    assert.equal((await store.get('member'))?.lease, id)
    await servers.start(leader)
    await store.revoke(id)
    assert.equal(await store.get('member'), null)
    await store.close()
  })

  it('a server that freezes is left: reads go on elsewhere', async () => {
    cases += 1
    const store = connect()
    const { header } = await store.status()
    const frozen = await indexOf(servers, header.memberId)
    await servers.freeze(frozen)
    try {
      assert.equal(await store.get('a'), null)
      assert.notEqual((await store.status()).header.memberId, header.memberId)
    } finally {
      servers.thaw(frozen)
    }
    await store.close()
  })

  it('a change that a frozen server took is Unknown, and the next one is done elsewhere', async () => {
    cases += 1
    const { store, follower } = await connectToFollower(() => connect(servers.endpoints, 1_500))
    const frozen = await indexOf(servers, follower)
    await servers.freeze(frozen)
    const put = (key: string): Promise<unknown> =>
      store.txn({ if: [], then: [{ op: 'put', key, value: new Uint8Array() }] })
    const first = await put('first').catch((error: unknown) => error)
    const second = await put('second').catch((error: unknown) => error)
    servers.thaw(frozen)
    assert.ok(isEpicError(first) && first.code === 'Unknown', String(first))
    assert.ok(!(second instanceof Error), String(second))
    await store.close()
  })

  it('without a majority everything is Unavailable, and nothing is Unknown that never could be done', async () => {
    cases += 1
    const survivor = 0
    const store = connect([servers.endpoints[survivor] ?? ''], 2_500)
    await store.list('')
    await servers.kill(1)
    await servers.kill(2)
    try {
      await assert.rejects(store.get('a'), { code: 'Unavailable' })
      // By now the survivor knows that it is alone; before, a change might rightly be Unknown.
      const put = store.txn({ if: [], then: [{ op: 'put', key: 'a', value: new Uint8Array() }] })
      await Promise.all([
        assert.rejects(put, { code: 'Unavailable' }),
        assert.rejects(store.keepAlive('1234'), { code: 'Unavailable' }),
      ])
    } finally {
      await Promise.all([servers.start(1), servers.start(2)])
    }
    assert.equal(await store.get('a'), null)
    await store.close()
  })

  it('endpoints that are down are passed over', async () => {
    cases += 1
    const store = connect(['http://127.0.0.1:1', servers.endpoints[1] ?? '', 'http://127.0.0.1:2'])
    for (let i = 0; i < 5; i += 1) assert.equal(await store.get('a'), null)
    await store.close()
  })

  it('where nobody is there, it says so in the time that was set', async () => {
    const store = connect(['http://127.0.0.1:1', 'http://127.0.0.1:2'], 300)
    await assert.rejects(store.get('a'), {
      code: 'Unavailable',
      message: /Cannot read "a": http:\/\/127\.0\.0\.1:[12]: .*ECONNREFUSED/,
    })
    await store.close()
  })

  it('two clusters on one engine cannot read each other (checklist 46)', async () => {
    const mine = new EtcdClusterStore({
      endpoints: servers.endpoints,
      prefix: 'mine/',
      ...patience,
    })
    const theirs = new EtcdClusterStore({
      endpoints: servers.endpoints,
      prefix: 'theirs/',
      ...patience,
    })
    await mine.txn({ if: [], then: [{ op: 'put', key: 'view', value: new Uint8Array() }] })
    assert.equal(await theirs.get('view'), null)
    assert.deepEqual((await theirs.list('')).recs, [])
    await mine.close()
    await theirs.close()
  })
})

/** A client that raises a counter of its own, and knows what it was told. */
class Writer {
  readonly store: ClusterStore
  readonly #key: string
  #acknowledged = 0
  #unknown = 0
  #wake: (() => void)[] = []

  constructor(store: ClusterStore, key: string) {
    this.store = store
    this.#key = key
  }

  async write(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) await this.#writeOne()
  }

  async reaches(count: number): Promise<void> {
    while (this.#acknowledged < count)
      await new Promise<void>((resolve) => this.#wake.push(resolve))
  }

  async check(reader: ClusterStore): Promise<void> {
    const found = numberFrom((await reader.get(this.#key))?.value)
    assert.ok(
      found >= this.#acknowledged,
      `${this.#key}: ${found} of ${this.#acknowledged} acknowledged`,
    )
    assert.ok(
      found <= this.#acknowledged + this.#unknown,
      `${this.#key}: ${found} is more than was asked for`,
    )
  }

  async #writeOne(): Promise<void> {
    const rec = await this.store.get(this.#key)
    const next = numberFrom(rec?.value) + 1
    const condition =
      rec === null
        ? ({ key: this.#key, is: 'missing' } as const)
        : ({ key: this.#key, is: 'at', rev: rec.rev } as const)
    try {
      const value = Buffer.from(String(next))
      const { ok } = await this.store.txn({
        if: [condition],
        then: [{ op: 'put', key: this.#key, value }],
      })
      if (ok) this.#acknowledged = next
    } catch (error) {
      assert.ok(isEpicError(error) && error.code === 'Unknown', String(error))
      this.#unknown += 1
    }
    for (const wake of this.#wake.splice(0)) wake()
  }
}

/** What a watch told, as the latest revision of each key. */
class Seen {
  readonly latest = new Map<string, bigint>()
  isAscending = true
  #last = 0n
  #wake: (() => void)[] = []

  constructor(store: ClusterStore, from: bigint) {
    store.watch('', from, (events) => {
      assert.notEqual(events, 'reset')
      if (events !== 'reset') for (const event of events) this.#note(event)
      for (const wake of this.#wake.splice(0)) wake()
    })
  }

  async until(key: string): Promise<void> {
    while (!this.latest.has(key)) await new Promise<void>((resolve) => this.#wake.push(resolve))
  }

  #note(event: WatchEvent): void {
    assert.ok(event.kind === 'put')
    this.isAscending &&= event.rec.rev > this.#last
    this.#last = event.rec.rev
    this.latest.set(event.rec.key, event.rec.rev)
  }
}

function numberFrom(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : Number(Buffer.from(value).toString())
}

function byKey([a]: [string, bigint], [b]: [string, bigint]): number {
  return a < b ? -1 : 1
}

/** A client of a server that does not lead: which one it gets is left to chance. */
async function connectToFollower(
  connect: () => EtcdClusterStore,
): Promise<{ store: EtcdClusterStore; follower: bigint }> {
  for (;;) {
    const store = connect()
    const { header, leaderId } = await store.status()
    if (header.memberId !== leaderId) return { store, follower: header.memberId }
    await store.close()
  }
}

async function leaderOf(servers: EtcdServers): Promise<number> {
  const store = new EtcdClusterStore({ endpoints: servers.endpoints, prefix: '' })
  const { leaderId } = await store.status()
  await store.close()
  return indexOf(servers, leaderId)
}

async function indexOf(servers: EtcdServers, memberId: bigint): Promise<number> {
  for (const [index, endpoint] of servers.endpoints.entries()) {
    const store = new EtcdClusterStore({ endpoints: [endpoint], prefix: '' })
    const { header } = await store.status()
    await store.close()
    if (header.memberId === memberId) return index
  }
  throw new Error(`No server has the id ${memberId}`)
}
