/** Conformance of state stores: durable tasks. */
import assert from 'node:assert/strict'
import { PARTITIONS } from '@epicserver/contracts'
import type { Task, TaskChange } from '@epicserver/contracts'
import { ALL_PARTITIONS, bytesOf, codeOf, partitionOfEntity, textOf, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

const bob = thing('bob')

function set(key: string, dueMs: number, body = ''): TaskChange {
  return { kind: 'set', key, dueMs, body: bytesOf(body) }
}

/** Saves many things with one task each, named like the thing. */
async function saveTasks(ground: Ground, dues: readonly number[]): Promise<void> {
  const save = (dueMs: number, i: number): Promise<bigint> =>
    ground.save(thing(i), '', { tasks: [set(`${dueMs}`, dueMs)] })
  await Promise.all(dues.map(save))
}

export const taskCases: StateCases = {
  'a task comes back as it was set': async (ground) => {
    await ground.save(bob, 'one', { tasks: [set('ring', 1_234, 'the bell')] })
    const [task, ...more] = await ground.due()
    assert.deepEqual(more, [])
    assert.deepEqual(
      { ...task, body: textOf(task?.body) },
      { entity: bob, key: 'ring', dueMs: 1_234, body: 'the bell' },
    )
  },

  'tasks come earliest first, from all partitions': async (ground) => {
    const dues = Array.from({ length: 300 }, (_, i) => (i * 7_919) % 300)
    await saveTasks(ground, dues)
    assert.deepEqual(await ground.dueKeys(), dues.toSorted((a, b) => a - b).map(String))
  },

  'a task is due strictly before the instant asked for': async (ground) => {
    await saveTasks(ground, [9, 10, 11])
    assert.deepEqual(await ground.dueKeys(9), [])
    assert.deepEqual(await ground.dueKeys(10), ['9'])
    assert.deepEqual(await ground.dueKeys(10.5), ['9', '10'])
    assert.deepEqual(await ground.dueKeys(12), ['9', '10', '11'])
    assert.deepEqual(await ground.dueKeys(Number.NEGATIVE_INFINITY), [])
  },

  'at most as many as asked for, and those the earliest': async (ground) => {
    await saveTasks(ground, [5, 3, 4, 1, 2])
    assert.deepEqual(await ground.dueKeys(10, 2), ['1', '2'])
    assert.deepEqual(await ground.dueKeys(10, 5), ['1', '2', '3', '4', '5'])
  },

  'only those of the partitions asked for': async (ground) => {
    await saveTasks(
      ground,
      Array.from({ length: 50 }, (_, i) => i),
    )
    const partition = partitionOfEntity(thing(7))
    const mine = await ground.due(new Set([partition]))
    assert.deepEqual(
      mine.map((task) => partitionOfEntity(task.entity)),
      mine.map(() => partition),
    )
    assert.ok(mine.some((task) => task.entity.id === '7'))
    const others = new Set([...ALL_PARTITIONS].filter((other) => other !== partition))
    assert.equal((await ground.due(others)).length, 50 - mine.length)
    assert.deepEqual(await ground.due(new Set()), [])
  },

  'asking takes nothing away': async (ground) => {
    await saveTasks(ground, [1, 2])
    await ground.dueKeys()
    assert.deepEqual(await ground.dueKeys(), ['1', '2'])
  },

  'setting a task that is there replaces it': async (ground) => {
    await ground.save(bob, '', { tasks: [set('ring', 5, 'old')] })
    await ground.save(bob, '', { version: 1n, tasks: [set('ring', 9, 'new')] })
    const tasks = await ground.due()
    assert.deepEqual(
      tasks.map((task) => [task.dueMs, textOf(task.body)]),
      [[9, 'new']],
    )
  },

  'setting it for the same instant replaces it, too': async (ground) => {
    await ground.save(bob, '', { tasks: [set('ring', 5, 'old')] })
    await ground.save(bob, '', { version: 1n, tasks: [set('ring', 5, 'new')] })
    assert.deepEqual(
      (await ground.due()).map((task) => textOf(task.body)),
      ['new'],
    )
  },

  'a task that is cleared is gone, and the others stay': async (ground) => {
    await ground.save(bob, '', { tasks: [set('a', 1), set('b', 2), set('c', 3)] })
    await ground.save(bob, undefined, { version: 1n, tasks: [{ kind: 'clear', key: 'b' }] })
    assert.deepEqual(await ground.dueKeys(), ['a', 'c'])
    assert.equal(await ground.saved(bob), '2:')
  },

  'clearing a task that is not there is no error': async (ground) => {
    await ground.save(bob, '', { tasks: [{ kind: 'clear', key: 'never' }] })
    assert.deepEqual(await ground.dueKeys(), [])
  },

  'changes in one write are done in their order': async (ground) => {
    const clear = { kind: 'clear', key: 'ring' } as const
    await ground.save(bob, '', { tasks: [set('ring', 1), set('ring', 2), clear, set('ring', 3)] })
    assert.deepEqual(
      (await ground.due()).map((task) => task.dueMs),
      [3],
    )
    await ground.save(bob, '', { version: 1n, tasks: [set('ring', 4), clear] })
    assert.deepEqual(await ground.dueKeys(), [])
  },

  'one key names as many tasks as there are entities that use it': async (ground) => {
    await ground.save(thing('a'), '', { tasks: [set('ring', 1)] })
    await ground.save(thing('b'), '', { tasks: [set('ring', 2)] })
    await ground.save(thing('a', 'Other'), '', { tasks: [set('ring', 3)] })
    await ground.save(thing('a'), '', { version: 1n, tasks: [{ kind: 'clear', key: 'ring' }] })
    assert.deepEqual(
      (await ground.due()).map((task) => task.dueMs),
      [2, 3],
    )
  },

  'a refused write sets and clears nothing': async (ground) => {
    await ground.save(bob, '', { tasks: [set('ring', 1)] })
    const tasks = [set('other', 2), { kind: 'clear', key: 'ring' }] as const
    assert.equal(await codeOf(ground.save(bob, 'stale', { tasks })), 'Fenced')
    assert.deepEqual(await ground.dueKeys(), ['ring'])
  },

  'instants from 0 to the largest keep their order': async (ground) => {
    const dues = [0, 1, 255, 256, 2 ** 31, 2 ** 32, 1_700_000_000_000, 2 ** 53 - 1]
    await saveTasks(ground, dues.toReversed())
    assert.deepEqual(await ground.dueKeys(), dues.map(String))
  },

  'keys and bodies of any kind come back as they were': async (ground) => {
    const keys = ['a', ' ', '\n', '__proto__', 'a/b', '日本'.repeat(100), '😀', 'k'.repeat(256)]
    const id = '日'.repeat(512)
    await ground.save(thing(id), '', { tasks: keys.map((key, i) => set(key, i, key)) })
    const tasks = await ground.due()
    assert.deepEqual(
      tasks.map((task) => task.key),
      keys,
    )
    assert.deepEqual(
      tasks.map((task) => textOf(task.body)),
      keys,
    )
    assert.deepEqual(new Set(tasks.map((task) => task.entity.id)), new Set([id]))
  },

  'a body may be empty, or 64 KB': async (ground) => {
    const large = 'x'.repeat(64 * 1024)
    await ground.save(bob, '', { tasks: [set('small', 1), set('large', 2, large)] })
    assert.deepEqual(
      (await ground.due()).map((task) => task.body.byteLength),
      [0, 65_536],
    )
  },

  'an entity may have a thousand tasks, and loses them all with its removal': async (ground) => {
    const tasks = Array.from({ length: 1_000 }, (_, i) => set(`${i}`, i))
    await ground.save(bob, '', { tasks })
    await ground.save(thing('other'), '', { tasks: [set('stays', 500)] })
    assert.equal((await ground.due()).length, 1_001)
    await ground.store.remove(bob, { epoch: 1n, version: 1n })
    assert.deepEqual(await ground.dueKeys(), ['stays'])
  },

  'a queue of tasks is emptied in order by asking for a few and clearing them': async (ground) => {
    const count = 200
    await saveTasks(
      ground,
      Array.from({ length: count }, (_, i) => i),
    )
    const done: number[] = []
    while (done.length < count) {
      const query = { partitions: ALL_PARTITIONS, beforeMs: PARTITIONS, limit: 32 }
      const tasks = await ground.store.due(query)
      assert.ok(tasks.length > 0 && done.length + tasks.length <= count)
      const clear = ({ entity, key }: Task): Promise<bigint> =>
        ground.save(entity, undefined, { version: 1n, tasks: [{ kind: 'clear', key }] })
      await Promise.all(tasks.map((task) => clear(task)))
      done.push(...tasks.map((task) => task.dueMs))
    }
    assert.deepEqual(
      done,
      Array.from({ length: count }, (_, i) => i),
    )
  },

  'a task is found however late it was set for however early': async (ground) => {
    assert.deepEqual(await ground.dueKeys(100), [])
    await ground.save(thing(1), '', { tasks: [set('late', 90)] })
    assert.deepEqual(await ground.dueKeys(100), ['late'])
    await ground.save(thing(1), '', { version: 1n, tasks: [set('early', 10)] })
    assert.deepEqual(await ground.dueKeys(100), ['early', 'late'])
    assert.deepEqual(await ground.dueKeys(50), ['early'])
  },
}
