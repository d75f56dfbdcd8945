import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { AppUnderTest, isAlive, temporaryFolder, writeApp } from './cli-rig.ts'

const counters = `
export class Counter extends Entity {
  count = 0
  async add(): Promise<number> { this.count += 1; return this.count }
  async read(): Promise<{ count: number, pid: number }> { return { count: this.count, pid: process.pid } }
  async crash(): Promise<void> { setImmediate(() => { throw new Error('nobody catches this') }); await new Promise(() => {}) }
  async litter(): Promise<void> { void Promise.reject(new Error('nobody awaits this')) }
}
export default defineApp({ entities: { Counter } })`

interface Read {
  readonly count: number
  readonly pid: number
}

/** Some counters that live in each process, each of count 1. */
async function settle(tested: AppUnderTest, count = 20): Promise<Map<string, number>> {
  const homes = new Map<string, number>()
  for (let i = 0; i < count; i += 1) {
    await tested.call(`Counter/${i}`, 'add')
    homes.set(`Counter/${i}`, ((await tested.call(`Counter/${i}`, 'read')) as Read).pid)
  }
  return homes
}

/** Asks until a node answers; what was asked of the dead one is lost with it. */
async function readUntilAnswered(tested: AppUnderTest, entity: string): Promise<Read> {
  for (;;) {
    const answer = await tested.call(entity, 'read').catch((error: { code?: string }) => {
      if (error.code !== 'NodeLost' && error.code !== 'Unavailable') throw error
    })
    if (answer !== undefined) return answer as Read
  }
}

/** Looks again at each turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test('kill -9 of a node: its entities answer elsewhere with all that was acknowledged, and it is started again', async (t) => {
  const folder = await temporaryFolder(t)
  const tested = await AppUnderTest.start(t, await writeApp(folder, counters), {
    data: join(folder, 'data'),
    processes: 2,
  })
  await tested.allServe(2)
  const homes = await settle(tested)
  const [victim] = homes.values()
  process.kill(victim!, 'SIGKILL')
  for (const [entity, home] of homes) {
    const { count, pid } = await readUntilAnswered(tested, entity)
    assert.equal(count, 1, entity)
    if (home === victim) assert.notEqual(pid, victim)
  }
  await tested.allServe(2)
  const nodes = await tested.app.nodes()
  assert.deepEqual(
    nodes.map(({ restarts }) => restarts).toSorted((a, b) => a - b),
    [0, 1],
  )
})

test('kill -9 of the supervisor: its nodes end by themselves, and the next one has everything', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const app = await writeApp(folder, counters)
  const first = await AppUnderTest.start(t, app, { data, processes: 2 })
  await first.allServe(2)
  await settle(first)
  const nodes = await first.app.nodes()
  first.app.kill('SIGKILL')
  await first.app.ended
  await until(() => nodes.every(({ pid }) => !isAlive(pid!)))
  const second = await AppUnderTest.start(t, app, { data, processes: 2 })
  for (let i = 0; i < 20; i += 1)
    assert.equal(((await second.call(`Counter/${i}`, 'read')) as Read).count, 1)
})

test(
  'kill -9 of the supervisor: its nodes end also while a thread of theirs is stuck',
  { skip: process.platform === 'win32' && 'there are no named pipes in folders' },
  async (t) => {
    const folder = await temporaryFolder(t)
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    // Opening a pipe that nobody writes to blocks a thread, as a disk that does not answer would.
    const stuck = `
import { open } from 'node:fs'
export class Counter extends Entity {}
export default defineApp({ entities: { Counter }, setupNode: async () => open(${JSON.stringify(pipe)}, 'r', () => {}) })`
    const tested = await AppUnderTest.start(t, await writeApp(folder, stuck), {
      data: join(folder, 'data'),
      processes: 2,
    })
    await tested.allServe(2)
    const nodes = await tested.app.nodes()
    tested.app.kill('SIGKILL')
    await tested.app.ended
    await until(() => nodes.every(({ pid }) => !isAlive(pid!)))
  },
)

test(
  'kill -9 of the supervisor while a node is frozen: the next one ends that node',
  { skip: process.platform !== 'linux' && 'processes are looked up in /proc' },
  async (t) => {
    const folder = await temporaryFolder(t)
    const data = join(folder, 'data')
    const app = await writeApp(folder, counters)
    const first = await AppUnderTest.start(t, app, { data, processes: 2 })
    await first.allServe(2)
    const homes = await settle(first)
    const [frozen] = homes.values()
    process.kill(frozen!, 'SIGSTOP')
    first.app.kill('SIGKILL')
    await first.app.ended
    const second = await AppUnderTest.start(t, app, { data, processes: 2 })
    assert.equal(isAlive(frozen!), false)
    assert.ok(
      second.lines.some(
        (line) => line.includes('outlived its supervisor') && line.includes(`"pid":${frozen}`),
      ),
    )
    for (const entity of homes.keys())
      assert.equal(((await second.call(entity, 'read')) as Read).count, 1)
  },
)

test('a frozen node is killed, its entities answer elsewhere, and nobody else waited for it', async (t) => {
  const folder = await temporaryFolder(t)
  const tested = await AppUnderTest.start(t, await writeApp(folder, counters), {
    data: join(folder, 'data'),
    processes: 2,
    // So long that a node of a busy machine does not seem to be frozen.
    args: ['--lease-ms', '5000'],
  })
  await tested.allServe(2)
  const homes = await settle(tested)
  const [frozen] = homes.values()
  const [others, its] = [
    [...homes].filter(([, pid]) => pid !== frozen),
    [...homes].filter(([, pid]) => pid === frozen),
  ]
  const killed = tested.line(/shows no sign of life and is killed/)
  process.kill(frozen!, 'SIGSTOP')
  let isKilled = false
  void killed.then(() => (isKilled = true))
  // Half of the calls enter through the frozen node until it is noticed; those wait for its end.
  const answers: { entity: string; beforeItsEnd: boolean }[] = []
  await Promise.all(
    others.map(async ([entity]) => {
      await readUntilAnswered(tested, entity)
      answers.push({ entity, beforeItsEnd: !isKilled })
    }),
  )
  assert.ok(
    answers.some(({ beforeItsEnd }) => beforeItsEnd),
    'entities of the other node answered while it was frozen',
  )
  await killed
  for (const [entity] of its) {
    const { count, pid } = await readUntilAnswered(tested, entity)
    assert.equal(count, 1)
    assert.notEqual(pid, frozen)
  }
  await tested.allServe(2)
})

test('an exception that nobody catches ends its node only, with the exception in the log', async (t) => {
  const folder = await temporaryFolder(t)
  const tested = await AppUnderTest.start(t, await writeApp(folder, counters), {
    data: join(folder, 'data'),
    processes: 2,
  })
  await tested.allServe(2)
  await tested.call('Counter/a', 'add')
  const logged = tested.line(/an exception was not caught; this node ends/)
  const ended = tested.line(/a node process has ended/)
  await assert.rejects(tested.call('Counter/a', 'crash'), { code: 'NodeLost', retry: 'unknown' })
  assert.match(await logged, /nobody catches this.*app\.ts:7:/)
  assert.match(await ended, /"how":"code 70"/)
  assert.equal((await readUntilAnswered(tested, 'Counter/a')).count, 1)
})

test('a rejection that nobody awaits is logged and ends nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const tested = await AppUnderTest.start(t, await writeApp(folder, counters), {
    data: join(folder, 'data'),
    processes: 1,
  })
  const logged = tested.line(/a promise was rejected and nobody awaits it/)
  await tested.call('Counter/a', 'litter')
  assert.match(await logged, /nobody awaits this.*app\.ts:8:/)
  assert.deepEqual(
    (await tested.app.nodes()).map(({ restarts }) => restarts),
    [0],
  )
})

test('an app that was broken meanwhile: a restart fails and is tried again, the others go on, and mending it is enough', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, counters)
  const tested = await AppUnderTest.start(t, app, { data: join(folder, 'data'), processes: 2 })
  await tested.allServe(2)
  const homes = await settle(tested)
  const good = await readFile(app, 'utf8')
  await writeFile(app, `throw new Error('half saved')`)
  const failed = tested.line(/a node cannot start.*half saved/)
  const again = failed.then(() => tested.line(/a node process has ended and is started again/))
  process.kill([...homes.values()][0]!, 'SIGKILL')
  assert.match(await again, /"how":"code 78"/)
  for (const entity of homes.keys())
    assert.equal((await readUntilAnswered(tested, entity)).count, 1)
  await writeFile(app, good)
  await tested.allServe(2)
})

test('kill -9 of the only node: who calls meanwhile waits for the next one, and is not refused', async (t) => {
  const folder = await temporaryFolder(t)
  const tested = await AppUnderTest.start(t, await writeApp(folder, counters), {
    data: join(folder, 'data'),
    processes: 1,
  })
  await tested.call('Counter/a', 'add')
  const { pid } = (await tested.call('Counter/a', 'read')) as Read
  const ended = tested.line(/has ended and is started again/)
  process.kill(pid, 'SIGKILL')
  await ended
  const calls = [1, 2, 3].map(() => tested.call('Counter/a', 'read') as Promise<Read>)
  for (const { count, pid: now } of await Promise.all(calls)) {
    assert.equal(count, 1)
    assert.notEqual(now, pid)
  }
})
