/** Calls between nodes: outcomes, refusals, and what a peer may send. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { gatedStore } from './gated-store.ts'
import { pairRig } from './pair-rig.ts'
import { quiet } from './rig.ts'

class Thing extends Entity {
  static override settings = settings<Thing>({
    operations: { failOnce: { idempotent: true }, addOnce: { idempotent: true } },
  })
  runs = 0
  async add(n: number): Promise<number> {
    this.runs += n
    return this.runs
  }
  async fail(code: 'NodeStopping' | 'NodeLost'): Promise<void> {
    this.runs += 1
    throw new EpicError(code, 'from within')
  }
  async failOnce(code: 'NodeStopping' | 'NodeLost'): Promise<void> {
    await this.fail(code)
  }
  async addThere(n: number, there: Ref<Thing>): Promise<void> {
    this.runs += n
    await there.addOnce(n)
  }
  async addOnce(n: number): Promise<void> {
    this.runs += n
  }
  async count(): Promise<number> {
    return this.runs
  }
}

class Frail extends Entity {
  static override settings = settings<Frail>({ operations: { breakOnce: { idempotent: true } } })
  static isBroken = false
  runs = 0
  async onActivate(): Promise<void> {
    if (Frail.isBroken) throw new Error('broken')
  }
  async breakOnce(): Promise<void> {
    this.runs += 1
  }
}

describe('calls between nodes', () => {
  it('a call goes to the node that its entity lives on, and the result comes back', async () => {
    const rig = await pairRig({ Thing })
    const [first, second] = rig.members
    const id = rig.idAt(second!, 'Thing')
    assert.equal(await first!.pool.Thing[id]!.add(2), 2)
    assert.equal(second!.node.kernel.counts.activations, 1)
    rig.close()
  })

  for (const [name, operation] of [
    ['an operation', 'fail'],
    ['an idempotent operation', 'failOnce'],
  ] as const) {
    it(`${name} that throws an error of the runtime has run once, and its caller gets that error`, async () => {
      const rig = await pairRig({ Thing })
      const [first, second] = rig.members
      for (const member of [first!, second!]) {
        const thing = first!.pool.Thing[rig.idAt(member, 'Thing')]!
        for (const code of ['NodeStopping', 'NodeLost'] as const)
          await assert.rejects(thing[operation](code), { code, message: 'from within' })
        assert.equal(await thing.count(), 2)
      }
      rig.close()
    })
  }

  it('an idempotent call whose caller lost its state never leaves', async () => {
    const rig = await pairRig({ Thing }, 1)
    const store = gatedStore(false)
    const second = await rig.join({ wrap: store.wrap })
    const there = rig.members[0]!.pool.Thing[rig.idAt(rig.members[0]!, 'Thing')]!
    store.fail = new EpicError('Unknown', 'lost the answer')
    await assert.rejects(
      second.pool.Thing[rig.idAt(second, 'Thing')]!.addThere(
        1,
        second.pool.Thing[there.toString().slice(6)]!,
      ),
      { code: 'Fenced' },
    )
    await rig.clock.advance(1_000)
    assert.equal(await there.count(), 0)
    rig.close()
  })

  it('a try that may have run makes the outcome unknown, however certain the failure of the last try is', async () => {
    const rig = await pairRig({ Thing }, 1)
    const store = gatedStore()
    const second = await rig.join({ wrap: store.wrap })
    store.fail = new EpicError('Unknown', 'lost the answer')
    const outcome = rig.members[0]!.pool.Thing[rig.idAt(second, 'Thing')]!.addOnce(1)
    const rejected = assert.rejects(outcome, { code: 'Unknown', retry: 'unknown' })
    while (store.waiting === 0) await rig.clock.advance(10)
    await store.open()
    store.fail = new EpicError('StoreFull', 'no room')
    while (store.waiting === 0) await rig.clock.advance(10)
    await store.open()
    await rejected
    assert.equal(store.writes, 2)
    rig.close()
  })

  it('a try that may have run makes the outcome unknown also where the next finds the entity broken', async () => {
    const rig = await pairRig({ Frail }, 1)
    const store = gatedStore(false)
    const second = await rig.join({ wrap: store.wrap })
    store.fail = new EpicError('Unknown', 'lost the answer')
    const frail = rig.members[0]!.pool.Frail[rig.idAt(second, 'Frail')]!
    const rejected = assert.rejects(frail.breakOnce(), { code: 'Unknown', retry: 'unknown' })
    await rig.until(() => store.writes > 0, 'the first try has run')
    store.fail = undefined
    Frail.isBroken = true
    await rig.clock.advance(1_000)
    await rejected
    rig.close()
  })

  it('a call made when its partition was just taken away waits, and nothing is activated here', async () => {
    const rig = await pairRig({ Thing }, 1)
    const { cluster, pool, node } = rig.members[0]!
    // The member knows; that the node performs what follows from it is a moment later.
    cluster.member.leave(rig.clock.monotonicMs())
    void pool.Thing[1]!.add(1)
    assert.equal(cluster.counts.heldCalls, 1)
    assert.equal(node.kernel.counts.activations, 0)
    rig.close()
  })

  it('entities that were called through a link are found through the next one', async () => {
    const rig = await pairRig({ Thing })
    const [first, second] = rig.members
    const things = [0, 1].map((n) => first!.pool.Thing[rig.idAt(second!, 'Thing', n)]!)
    for (const thing of things) await thing.add(1)
    rig.network.cut(second!.node.nodeId)
    const again = Promise.all(things.toReversed().map((thing) => thing.add(1)))
    await rig.clock.advance(100)
    assert.deepEqual(await again, [2, 2])
    rig.close()
  })

  it('a batch that does not decode ends its channel, and calls go on through a new one', async () => {
    const rig = await pairRig({ Thing })
    const [first, second] = rig.members
    const stranger = rig.network.stranger(first!.node.nodeId, second!.node.nodeId)
    await quiet()
    stranger.channel.send('normal', Uint8Array.of(1, 7, 1, 99, 0, 0))
    await quiet()
    assert.equal(stranger.isClosed, true)
    const { message, facts } = second!.log.at(-1)!
    assert.equal(message, 'a peer sent a batch that does not decode')
    assert.equal(facts['problem'], 'a call to number 99, which nobody has')
    await rig.clock.advance(50)
    assert.equal(await first!.pool.Thing[rig.idAt(second!, 'Thing')]!.add(1), 1)
    rig.close()
  })

  it('a node that opens another channel is not heard on the one before, which is closed', async () => {
    const rig = await pairRig({ Thing })
    const [first, second] = rig.members
    const one = rig.network.stranger(first!.node.nodeId, second!.node.nodeId)
    await quiet()
    const other = rig.network.stranger(first!.node.nodeId, second!.node.nodeId)
    await quiet()
    assert.deepEqual([one.isClosed, other.isClosed], [true, false])
    rig.close()
  })

  it('nodes that cannot be reached are tried again soon, then less and less often, however many they are', async () => {
    const rig = await pairRig({ Thing }, 4)
    for (const { cluster } of rig.members.slice(1)) cluster.kill()
    const triesIn = async (ms: number): Promise<number> => {
      const before = rig.network.opens
      await rig.clock.advance(ms)
      return rig.network.opens - before
    }
    const soon = await triesIn(150)
    assert.ok(soon >= 3 * 2 && soon <= 3 * 3, `3 nodes, 3 times in 150 ms: ${soon}`)
    const later = await triesIn(1_000)
    assert.ok(later >= 3 * 2 && later <= 3 * 4, `3 nodes, 3 times in the next second: ${later}`)
    rig.close()
  })

  it('a node that was reached again is tried soon when it is lost once more', async () => {
    const rig = await pairRig({ Thing })
    const [first, second] = rig.members
    const thing = first!.pool.Thing[rig.idAt(second!, 'Thing')]!
    for (let time = 1; time <= 10; time += 1) {
      rig.network.cut(second!.node.nodeId)
      await quiet()
      await rig.clock.advance(30)
      assert.equal(await thing.add(1), time)
    }
    rig.close()
  })
})
