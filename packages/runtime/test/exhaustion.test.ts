/** What an entity that asks for too much is told, and what is told of one that takes the thread for itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { ManualClock, quiet, rig } from './rig.ts'

class Glutton extends Entity {
  static override settings = settings<Glutton>({ durability: 'manual' })
  count = 0
  async setTasks(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1)
      this.task.set(`t${i}`, { operation: 'rest', everyMs: 1_000_000 })
  }
  async replaceOne(): Promise<void> {
    this.task.cancel('t0')
  }
  async saveAll(): Promise<void> {
    await this.save()
  }
  async setTimers(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) this.timer.once(`t${i}`, 'rest', 1_000_000)
  }
  async callNext(depth: number): Promise<number> {
    return depth === 0 ? 0 : 1 + (await (this.self(depth) as Ref<Glutton>).callNext(depth - 1))
  }
  async rest(): Promise<void> {}
  self(depth: number): unknown {
    return this.ref(Glutton, `next-${depth}`)
  }
}

test('exhaustion: tasks that wait to be saved are bounded, and saving makes room (checklist 43)', async () => {
  const { pool, node } = rig({ Glutton })
  const glutton = pool.Glutton['a']!
  await glutton.setTasks(1024)
  await assert.rejects(glutton.setTasks(1025), {
    code: 'Overloaded',
    message:
      'Cannot change the task "t1024" of "Glutton/a": 1024 of 1024 changes of its tasks wait to be saved',
  })
  await glutton.replaceOne()
  await glutton.saveAll()
  await glutton.setTasks(1024)
  node.close()
})

test('exhaustion: timers of an entity, and calls of a chain, are bounded (checklist 43)', async () => {
  const { pool, node } = rig({ Glutton })
  const glutton = pool.Glutton['a']!
  await assert.rejects(glutton.setTimers(1025), {
    code: 'Overloaded',
    message: 'Cannot set the timer "t1024" of "Glutton/a": it has 1024 of 1024 timers',
  })
  assert.equal(await glutton.callNext(100), 100)
  await assert.rejects(glutton.callNext(200), { code: 'CallTooDeep' })
  node.close()
})

test('exhaustion: a turn that holds the thread for over a second is reported with its operation (checklist 44)', async () => {
  const clock = new ManualClock()
  class Thinker extends Entity {
    static override settings = settings<Thinker>({ persistent: false })
    async think(ms: number): Promise<void> {
      clock.hold(ms)
    }
  }
  const { pool, node, log } = rig({ Thinker }, { clock })
  const reports = (): unknown[] =>
    log.filter(({ message }) => message === 'the event loop was held up').map(({ facts }) => facts)
  const thinker = pool.Thinker['deep']!
  await thinker.think(900)
  await clock.advance(2_000)
  assert.deepEqual(reports(), [], 'that was short enough')
  await thinker.think(5_000)
  await clock.advance(1)
  await quiet()
  const [report, ...more] = reports() as { heldMs: number; lastOperation: string }[]
  assert.equal(more.length, 0)
  assert.equal(report?.lastOperation, 'Thinker/deep.think')
  assert.ok(report.heldMs > 3_900 && report.heldMs <= 5_000, String(report.heldMs))
  node.close()
})
