/** Links whose secret counts no more are replaced while they are used. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { pairRig } from './pair-rig.ts'

class Thing extends Entity {
  static override settings = settings<Thing>({ operations: { note: { oneWay: true } } })
  count = 0
  notes: number[] = []
  async add(n: number): Promise<void> {
    this.count += n
  }
  async addAfter(n: number, ms: number): Promise<number> {
    await this.sleep(ms)
    this.count += n
    return this.count
  }
  /** There and back, and there again. */
  async addBy(other: Ref<Thing>, self: Ref<Thing>, ms: number): Promise<void> {
    await this.sleep(ms)
    if (ms > 0) await other.addBy(self, other, 0)
    else await other.add(1)
  }
  note(n: number): void {
    this.notes.push(n)
  }
  async seen(): Promise<{ count: number; notes: number[] }> {
    return { count: this.count, notes: this.notes }
  }
}

const entities = { Thing }

describe('links whose key counts no more', () => {
  it('are replaced, and no call fails, is lost or overtakes another (checklist 5)', async () => {
    const rig = await pairRig(entities)
    const [first, second] = rig.members
    assert.ok(first && second)
    const thing = first.pool.Thing[rig.idAt(second, 'Thing')]!
    let settled = 0
    const failures: unknown[] = []
    const watch = (call: Promise<unknown>): void =>
      void call.catch((error: unknown) => failures.push(error)).finally(() => (settled += 1))
    watch(thing.addAfter(1, 500))
    let calls = 0
    const call = async (): Promise<void> => {
      calls += 1
      thing.note(calls)
      watch(thing.add(1))
      await new Promise(setImmediate)
      if (calls % 8 === 0) await rig.clock.advance(1)
    }
    while (calls < 50) await call()
    rig.network.exchangeSecret('second')
    while (calls < 500) await call()
    await rig.until(() => settled === calls + 1, 'all calls are answered')
    assert.deepEqual(failures, [])
    const seen = await thing.seen()
    assert.equal(seen.count, calls + 1)
    assert.deepEqual(
      seen.notes,
      Array.from({ length: calls }, (_, i) => i + 1),
    )
    await rig.until(() => !rig.network.secretsInUse.has('first'), 'the old links end')
    rig.close()
  })

  it('do not part chains of calls that go to and fro', async () => {
    const rig = await pairRig(entities)
    const [first, second] = rig.members
    assert.ok(first && second)
    const here = first.pool.Thing[rig.idAt(first, 'Thing')]!
    const there = first.pool.Thing[rig.idAt(second, 'Thing')]!
    let isDone = false
    void here.addBy(there, here, 200).then(() => (isDone = true))
    await rig.clock.advance(100)
    rig.network.exchangeSecret('second')
    await rig.until(() => isDone, 'the chain ends')
    assert.equal((await here.seen()).count, 1)
    rig.close()
  })

  it('end although a call goes on for longer than is waited for; its outcome is unknown', async () => {
    const rig = await pairRig(entities)
    const [first, second] = rig.members
    assert.ok(first && second)
    const thing = first.pool.Thing[rig.idAt(second, 'Thing')]!
    let failure: unknown
    // Idempotent or not, the call has run for thirty seconds by then, and its caller waits no longer.
    thing.addAfter(1, 60_000).catch((error: unknown) => (failure = error))
    await rig.clock.advance(10)
    rig.network.exchangeSecret('second')
    await rig.clock.advance(40_000)
    assert.ok(failure !== undefined)
    assert.deepEqual([...rig.network.secretsInUse], ['second'])
    rig.close()
  })
})
