/** Where entities begin and where they go by themselves, in apps of real processes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AppUnderTest, temporaryFolder, writeApp } from './cli-rig.ts'
import { ClusterUnderTest, missingEtcd } from './cluster-rig.ts'

const app = `
export class Talker extends Entity {
  static override settings = settings<Talker>({ persistent: false })
  async where(): Promise<number> { return process.pid }
  async hear(): Promise<void> {}
  async talkTo(other: string): Promise<void> {
    this.timer.set('talk', 'talk', { intervalMs: 50, args: [other] })
  }
  /** So little that it fills no process, also not one that waits for a processor: a full one would take nobody in. */
  async talk(other: string): Promise<void> {
    await Promise.all(Array.from({ length: 10 }, () => this.ref(Talker, other).hear()))
  }
}

/** Each fills some fifteen hundredths of its process's time: by waiting, so that it needs no processor, and others may have them all. */
export class Worker extends Entity {
  static override settings = settings<Worker>({ persistent: false })
  async where(): Promise<number> { return process.pid }
  async start(): Promise<void> { this.timer.set('work', 'work', { intervalMs: 100 }) }
  async work(): Promise<void> { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15) }
}

export class Room extends Entity {
  static override settings = settings<Room>({ persistent: false })
  async where(): Promise<number> { return process.pid }
}
export class Seat extends Entity {
  static override settings = settings<Seat>({
    persistent: false,
    placement: { near: (id, pool) => pool.ref(Room, id.split(':')[0] ?? '') },
  })
  async where(): Promise<number> { return process.pid }
}
export class Model extends Entity {
  static override settings = settings<Model>({ persistent: false, placement: { label: 'gpu' } })
  async where(): Promise<number> { return process.pid }
}
export default defineApp({ entities: { Talker, Worker, Room, Seat, Model } })`

const QUICK = ['--balance-ms', '500']

async function started(t: TestContext): Promise<AppUnderTest> {
  const folder = await temporaryFolder(t)
  const running = await AppUnderTest.start(t, await writeApp(folder, app), {
    data: join(folder, 'data'),
    processes: 2,
    args: QUICK,
  })
  await running.allServe(2)
  return running
}

const ids = Array.from({ length: 64 }, (_, i) => `e${i}`)

/** In which process each of some entities lives. */
async function placesOf(
  running: AppUnderTest,
  type: string,
  names: readonly string[],
): Promise<unknown[]> {
  return await Promise.all(names.map((id) => running.call(`${type}/${id}`, 'where')))
}

/** Looks each time that entities were moved, for whatever reason, until it is as it should be. */
async function until(running: AppUnderTest, isSo: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const next = running.line(/"entities moved to /)
    if (await isSo()) return
    await next
  }
}

test('placement near: seats are where their room is', async (t) => {
  const running = await started(t)
  const seats = ids.map((id) => `${id}:1`)
  const beside = await placesOf(running, 'Seat', seats)
  assert.deepEqual(beside, await placesOf(running, 'Room', ids))
  assert.equal(new Set(beside).size, 2)
})

test('balance: two that talk much, in two processes, come together in one', async (t) => {
  const running = await started(t)
  const places = await placesOf(running, 'Talker', ids)
  const other = ids[places.findIndex((place) => place !== places[0])] ?? ''
  await running.call('Talker/e0', 'talkTo', other)
  await until(running, async () => {
    const [one, two] = await placesOf(running, 'Talker', ['e0', other])
    return one === two
  })
})

test('balance: a process that has too much to do gives of it to one that has nothing', async (t) => {
  const running = await started(t)
  const places = await placesOf(running, 'Worker', ids)
  const crowd = ids.filter((_, i) => places[i] === places[0]).slice(0, 6)
  await Promise.all(crowd.map((id) => running.call(`Worker/${id}`, 'start')))
  await until(running, async () => {
    const now = await placesOf(running, 'Worker', crowd)
    return now.some((place) => place !== places[0])
  })
})

test(
  'placement label: entities live on the machine that carries it, whoever calls them',
  { skip: missingEtcd },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, app)
    const first = await cluster.start({ name: 'first' })
    const second = await cluster.start({ name: 'second', args: ['--labels', 'ssd,gpu'] })
    const there = new Set((await second.app.nodes()).map(({ pid }) => pid))
    for (const machine of [first, second]) {
      const places = await placesOf(machine, 'Model', ids)
      assert.ok(places.every((pid) => there.has(pid as number)))
    }
  },
)
