/** What happens when a durable task fires. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '@epicserver/store-memory'
import { Entity, settings } from '@epicserver/runtime'
import { dueTask } from '#src/tasks/task-body.ts'
import { rig } from './rig.ts'

class Alarm extends Entity {
  static override settings = settings<Alarm>({ lock: 'entity', transient: ['isBusy'] })
  isBusy = false
  mixed = 0
  rung = 0
  async set(key: string, ms: number): Promise<void> {
    this.task.set(key, { operation: 'ring', at: this.now() + ms })
  }
  async ring(): Promise<void> {
    if (this.isBusy) this.mixed += 1
    this.isBusy = true
    await this.sleep(50)
    this.isBusy = false
    this.rung += 1
  }
  async heard(): Promise<{ rung: number; mixed: number }> {
    const { rung, mixed } = this
    return { rung, mixed }
  }
}

const EVERYTHING = {
  partitions: new Set(Array.from({ length: 1024 }, (_, i) => i)),
  beforeMs: 8e15,
  limit: 10,
}

test('task firing: the operation runs under the locks of its class', async () => {
  const { pool, node, clock } = rig({ Alarm })
  const alarm = pool.Alarm['a']!
  await alarm.set('one', 100)
  await alarm.set('two', 110)
  node.tasks.start()
  await clock.advance(2_000)
  assert.deepEqual(await alarm.heard(), { rung: 2, mixed: 0 })
  node.close()
})

test('task firing: who read the task before it fired cannot fire it again', async () => {
  const { pool, node, clock, disk } = rig({ Alarm })
  await pool.Alarm['a']!.set('once', 100)
  const [task] = disk.due(EVERYTHING)
  const due = dueTask(node, task!, clock.wallMs() + 100)
  const fired = [node.fire('Alarm', 'a', due), node.fire('Alarm', 'a', due)]
  await clock.advance(200)
  await Promise.all(fired)
  const late = node.fire('Alarm', 'a', due)
  await clock.advance(200)
  await late
  assert.deepEqual(await pool.Alarm['a']!.heard(), { rung: 1, mixed: 0 })
  assert.deepEqual(disk.due(EVERYTHING), [])
  node.close()
})

test('task firing: who read the task before it fired cannot fire it at a later activation either', async () => {
  const disk = new MemoryDisk()
  const before = rig({ Alarm }, { disk })
  await before.pool.Alarm['a']!.set('once', 100)
  const [task] = disk.due(EVERYTHING)
  const due = dueTask(before.node, task!, before.clock.wallMs() + 100)
  const fired = before.node.fire('Alarm', 'a', due)
  await before.clock.advance(200)
  await fired
  before.node.close()
  const after = rig({ Alarm }, { disk, clock: before.clock, epoch: 2 })
  await after.node.fire('Alarm', 'a', due)
  assert.deepEqual(await after.pool.Alarm['a']!.heard(), { rung: 1, mixed: 0 })
  after.node.close()
})

test('task firing: a crash before the operation has ended fires it again', async () => {
  const disk = new MemoryDisk()
  const before = rig({ Alarm }, { disk })
  await before.pool.Alarm['a']!.set('once', 100)
  const [task] = disk.due(EVERYTHING)
  void before.node.fire('Alarm', 'a', dueTask(before.node, task!, before.clock.wallMs() + 100))
  await before.clock.advance(20)
  before.node.close()
  const after = rig({ Alarm }, { disk, clock: before.clock, epoch: 2 })
  after.node.tasks.start()
  await after.clock.advance(1_000)
  assert.deepEqual(await after.pool.Alarm['a']!.heard(), { rung: 1, mixed: 0 })
  after.node.close()
})
