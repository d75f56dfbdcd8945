/** A node that drains: all that lives there goes elsewhere, or stays when the node is to go on. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rigOfTwo } from './moving-rig.ts'

describe('draining', () => {
  it('answers each who asks for it, also when nothing is left already', async () => {
    const { rig, second } = await rigOfTwo()
    const done: boolean[] = []
    const ask = (): void => void second.cluster.drain().then((isDrained) => done.push(isDrained))
    ask()
    ask()
    await rig.until(() => done.length === 2, 'both are answered')
    ask()
    await rig.until(() => done.length === 3, 'the third is answered')
    assert.deepEqual(done, [true, true, true])
    rig.close()
  })

  it('says so when it takes entities again before it has given them away', async () => {
    const { rig, second } = await rigOfTwo()
    const drained = second.cluster.operators.drain(second.node.nodeId)
    second.cluster.activate()
    await assert.rejects(drained, { code: 'Cancelled' })
    rig.close()
  })

  it('gives everything away under load: states in memory, timers, busy ones; and no call fails', async () => {
    const { rig, first, second } = await rigOfTwo()
    const ids = Array.from({ length: 20 }, (_, i) => rig.idAt(second, 'Ghost', i))
    for (const id of ids) await first.pool.Ghost[id]!.add(1)
    const ticking = rig.idAt(second, 'Counter')
    const busy = rig.idAt(second, 'Counter', 1)
    await first.pool.Counter[ticking]!.tickEvery(1_000, 100)
    const running = first.pool.Counter[busy]!.addAfter(7, 1_500)
    await rig.clock.advance(10)
    let isDrained = false
    void second.cluster.drain().then(() => (isDrained = true))
    let calls = 0
    await rig.until(() => {
      if (isDrained) return true
      for (const id of ids) void first.pool.Ghost[id]!.add(1).then(() => (calls += 1))
      return false
    }, 'the node has drained')
    assert.equal(second.node.kernel.counts.activations, 0)
    assert.equal(await running, 7)
    await rig.until(() => first.node.kernel.counts.pendingCalls === 0, 'all calls are answered')
    let sum = 0
    for (const id of ids) sum += await first.pool.Ghost[id]!.add(0)
    assert.equal(sum, ids.length + calls)
    await second.cluster.stop()
    const before = (await first.pool.Counter[ticking]!.seen()).count
    await rig.clock.advance(3_000)
    assert.ok((await first.pool.Counter[ticking]!.seen()).count >= before + 2)
    rig.close()
  })

  it('and stops waits for the answers to what was called through it', async () => {
    const { rig, first, second } = await rigOfTwo()
    const answer = second.pool.Counter[rig.idAt(first, 'Counter')]!.addAfter(3, 300)
    await rig.clock.advance(20)
    let isStopped = false
    void second.cluster.stop().then(() => (isStopped = true))
    await rig.until(() => isStopped, 'it has stopped')
    assert.equal(await answer, 3)
    rig.close()
  })
})
