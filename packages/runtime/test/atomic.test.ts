/** Atomic operations: what of them is saved, undone, sent and answered, and when. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { Entity, settings, type EntityNode, type Ref } from '@epicserver/runtime'
import { MemoryStateStore, type MemoryDisk } from '@epicserver/store-memory'
import { gatedStore } from './gated-store.ts'
import { quiet, rig } from './rig.ts'

class Vault extends Entity {
  static override settings = settings<Vault>({
    operations: {
      add: { lock: 'entity' },
      put: { atomic: true },
      putSlowly: { atomic: true },
      putAndAsk: { atomic: true },
      putAndFail: { atomic: true },
      putAndWait: { atomic: true },
      putAndSave: { atomic: true },
      putTwice: { atomic: true, idempotent: true },
      hear: { oneWay: true },
      tellAndWait: { atomic: true },
    },
  })
  gold = 0
  heard: number[] = []
  async add(n: number): Promise<number> {
    this.gold += n
    return this.gold
  }
  async put(n: number): Promise<number> {
    this.gold += n
    return this.gold
  }
  async putSlowly(n: number, ms: number): Promise<void> {
    this.gold += n
    await this.sleep(ms)
  }
  async putAndAsk(n: number, other: Ref<Vault>): Promise<number> {
    this.gold += n
    return await other.add(n)
  }
  async putAndFail(n: number): Promise<void> {
    this.gold += n
    this.task.set('failed', { everyMs: 1_000, operation: 'put', args: [1] })
    throw new Error('no')
  }
  async putAndWait(n: number, ms: number): Promise<void> {
    this.gold += n
    await this.sleep(ms)
    throw new Error('no')
  }
  async putAndSave(): Promise<void> {
    this.gold += 1
    await this.save()
  }
  async putTwice(n: number): Promise<number> {
    this.gold += 1
    return n === 0 ? this.gold : await this.ref(Vault, this.id).putTwice(n - 1)
  }
  async tellAndWait(other: Ref<Vault>, ms: number): Promise<void> {
    other.hear(this.gold)
    await this.sleep(ms)
  }
  async plan(): Promise<void> {
    this.task.set('soon', { everyMs: 1_000, operation: 'put', args: [1] })
  }
  hear(n: number): void {
    this.heard.push(n)
  }
  async hearing(): Promise<number[]> {
    return [...this.heard]
  }
  async look(): Promise<number> {
    return this.gold
  }
}

/** The gold that would be found after a crash. */
async function durable(node: EntityNode, disk: MemoryDisk): Promise<unknown> {
  const entity = { type: 'Vault', id: 'v' }
  const record = await new MemoryStateStore({ disk }).read(entity)
  return record === null
    ? 0
    : node.durability.stateOf('Vault').decode(record.bytes, entity).state['gold']
}

describe('atomic operations', () => {
  it('one after the other: each reply waits for its own state, not for that from before', async () => {
    const store = gatedStore()
    const { node, pool, clock, disk } = rig({ Vault }, { wrap: store.wrap })
    const vault = pool.Vault['v']!
    let durableAtReply: unknown
    const add = vault.add(1)
    const first = vault
      .putSlowly(10, 100)
      .then(async () => (durableAtReply = await durable(node, disk)))
    const second = vault.putSlowly(100, 100)
    await quiet()
    await clock.advance(150)
    while (durableAtReply === undefined) await store.open()
    assert.equal(durableAtReply, 11)
    const rest = Promise.all([add, first, second])
    await clock.advance(150)
    while (store.waiting > 0) await store.open()
    await rest
  })

  it('tasks set before it are durable with the reply to who set them', async () => {
    const store = gatedStore()
    const { pool, disk } = rig({ Vault }, { wrap: store.wrap })
    const vault = pool.Vault['v']!
    let isPlanned = false
    const planned = vault.plan().then(() => (isPlanned = true))
    void vault.putAndWait(5, 1_000).catch(() => undefined)
    await quiet()
    assert.equal(isPlanned, false)
    await store.open()
    await planned
    const again = rig({ Vault }, { disk, epoch: 2 })
    again.node.tasks.start()
    await again.clock.advance(5_000)
    assert.ok((await again.pool.Vault['v']!.look()) > 0)
  })

  it('one that throws leaves no task behind', async () => {
    const { node, pool, clock } = rig({ Vault })
    node.tasks.start()
    await assert.rejects(pool.Vault['v']!.putAndFail(5), { message: 'no' })
    await clock.advance(5_000)
    assert.equal(await pool.Vault['v']!.look(), 0)
  })

  it('a call that it makes waits for what was changed before it', async () => {
    const store = gatedStore()
    const { pool } = rig({ Vault }, { wrap: store.wrap })
    const add = assert.rejects(pool.Vault['v']!.add(1), { code: 'StoreFull' })
    const ask = assert.rejects(pool.Vault['v']!.putAndAsk(1, pool.Vault['w']!), { code: 'Fenced' })
    await quiet()
    store.fail = new EpicError('StoreFull', 'no room')
    await store.open()
    await Promise.all([add, ask])
    assert.equal(await pool.Vault['w']!.look(), 0)
  })

  it('idempotent and calling itself: both are answered', async () => {
    const { pool } = rig({ Vault })
    assert.equal(await pool.Vault['v']!.putTwice(1), 2)
    assert.equal(await pool.Vault['v']!.look(), 2)
  })

  it('one that throws after its state was lost is answered all the same', async () => {
    const store = gatedStore()
    const { pool, clock } = rig({ Vault }, { wrap: store.wrap })
    const add = assert.rejects(pool.Vault['v']!.add(1), { code: 'StoreFull' })
    const put = assert.rejects(pool.Vault['v']!.putAndWait(1, 100), { code: 'Fenced' })
    await quiet()
    store.fail = new EpicError('StoreFull', 'no room')
    await store.open()
    await clock.advance(200)
    await Promise.all([add, put])
  })

  it('one whose state was lost sends nothing', async () => {
    const store = gatedStore()
    const { pool, clock } = rig({ Vault }, { wrap: store.wrap })
    const add = assert.rejects(pool.Vault['v']!.add(1))
    const tell = assert.rejects(pool.Vault['v']!.tellAndWait(pool.Vault['w']!, 100))
    await quiet()
    store.fail = new EpicError('StoreFull', 'no room')
    await store.open()
    store.fail = undefined
    await clock.advance(200)
    await Promise.all([add, tell])
    assert.deepEqual(await pool.Vault['w']!.hearing(), [])
  })

  it('save() inside one is refused: half of it would be durable', async () => {
    const { pool } = rig({ Vault })
    await assert.rejects(pool.Vault['v']!.putAndSave(), { code: 'CannotSave' })
    assert.equal(await pool.Vault['v']!.look(), 0)
  })
})
