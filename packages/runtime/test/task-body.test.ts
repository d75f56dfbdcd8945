/** When durable tasks are due. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskChange } from '@epicserver/contracts'
import { Entity } from '@epicserver/runtime'
import { dueTask } from '#src/tasks/task-body.ts'
import { rig } from './rig.ts'

class Alarm extends Entity {
  rung: string[] = []
  async in(ms: number): Promise<void> {
    this.task.set('once', { operation: 'ring', at: this.now() + ms, args: ['once'] })
  }
  async every(ms: number): Promise<void> {
    this.task.set('often', { operation: 'ring', everyMs: ms, args: ['often'] })
  }
  async ring(key: string): Promise<void> {
    this.rung.push(key)
  }
  async heard(): Promise<readonly string[]> {
    return [...this.rung]
  }
}

test('tasks: an instant between two milliseconds is the later one, whoever worked it out', async () => {
  const { pool, node, clock } = rig({ Alarm })
  await pool.Alarm['a']!.in(1_000.25)
  await pool.Alarm['a']!.every(3_333.3)
  node.tasks.start()
  await clock.advance(1_000)
  assert.deepEqual(await pool.Alarm['a']!.heard(), [])
  await clock.advance(500)
  assert.deepEqual(await pool.Alarm['a']!.heard(), ['once'])
  await clock.advance(6_000)
  assert.deepEqual(await pool.Alarm['a']!.heard(), ['once', 'often', 'often'])
  node.close()
})

test('tasks: one that fires a little early goes on to its next time, not to the same one', async () => {
  const { pool, node, clock, disk } = rig({ Alarm })
  await pool.Alarm['a']!.every(1_000)
  const [task] = disk.due({
    partitions: new Set(Array.from({ length: 1024 }, (_, i) => i)),
    beforeMs: 8e15,
    limit: 1,
  })
  const { next } = dueTask(node, task!, clock.wallMs() + 995)
  assert.equal((next as Extract<TaskChange, { kind: 'set' }>).dueMs, clock.wallMs() + 2_000)
  node.close()
})
