import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppUnderTest } from './cli-rig.ts'
import { ClusterUnderTest, killMachine, missingEtcd } from './cluster-rig.ts'

const counters = `
export class Counter extends Entity {
  static override settings = settings<Counter>({ persistent: false })
  count = 0
  async add(by: number): Promise<number> { this.count += by; return this.count }
  async where(): Promise<number> { return process.pid }
  async whereIs(id: string): Promise<number> { return await this.ref(Counter, id).where() }
}
export default defineApp({
  entities: { Counter },
  setup: () => console.log('setup has run'),
})`

const ids = Array.from({ length: 24 }, (_, i) => `c${i}`)

/** Asks until it is known; a question that was on its way to the machine when it was lost is lost with it. */
async function whereInTheEnd(machine: AppUnderTest, id: string): Promise<unknown> {
  for (;;) {
    const pid = await machine.call(`Counter/${id}`, 'where').catch((error: { code?: string }) => {
      if (error.code !== 'NodeLost') throw error
    })
    if (pid !== undefined) return pid
  }
}

async function pidsOf(machine: AppUnderTest): Promise<Set<number>> {
  return new Set((await machine.app.nodes()).flatMap(({ pid }) => pid ?? []))
}

const skip = missingEtcd

test(
  'cluster of two machines: entities spread over both, and call each other',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, counters)
    const first = await cluster.start({ name: 'first', processes: 2 })
    const second = await cluster.start({ name: 'second' })
    const [here, there] = [await pidsOf(first), await pidsOf(second)]
    const seenFrom = async (machine: AppUnderTest): Promise<unknown[]> =>
      await Promise.all(ids.map((id) => machine.call('Counter/asks', 'whereIs', id)))
    const fromFirst = await seenFrom(first)
    const fromSecond = await seenFrom(second)
    assert.ok(fromFirst.some((pid) => here.has(pid as number)))
    assert.ok(fromFirst.some((pid) => there.has(pid as number)))
    assert.deepEqual(fromSecond, fromFirst, 'both machines find each entity at one place')
    const printed = [...first.lines, ...second.lines].filter((line) => line === 'setup has run')
    assert.equal(printed.length, 1, 'setup runs once for the whole fabric')
  },
)

test(
  'cluster, loss of a machine: what lived there answers elsewhere after its lease',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, counters)
    const first = await cluster.start({ name: 'first' })
    const second = await cluster.start({ name: 'second' })
    const there = await pidsOf(second)
    const places = await Promise.all(ids.map((id) => first.call(`Counter/${id}`, 'where')))
    const lost = ids.filter((_, i) => there.has(places[i] as number))
    assert.ok(lost.length > 0)
    await killMachine(second)
    const here = await pidsOf(first)
    const now = await Promise.all(lost.map((id) => whereInTheEnd(first, id)))
    assert.ok(now.every((pid) => here.has(pid as number)))
  },
)

test(
  'cluster, kill -9 of a supervisor: its nodes give their leases back, and nobody waits for them',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, counters)
    // Longer than any caller waits: who had to wait for a lease would fail.
    const args = ['--lease-ms', '90000']
    const first = await cluster.start({ name: 'first', args })
    const second = await cluster.start({ name: 'second', processes: 2, args })
    const there = await pidsOf(second)
    const places = await Promise.all(ids.map((id) => first.call(`Counter/${id}`, 'where')))
    const lost = ids.filter((_, i) => there.has(places[i] as number))
    assert.ok(lost.length > 0)
    second.app.kill('SIGKILL')
    await second.app.ended
    const here = await pidsOf(first)
    for (const id of lost) assert.ok(here.has((await answerOf(first, id)) as number))
  },
)

/** A call may have been on its way to a node that ended; it is asked again then. */
async function answerOf(machine: AppUnderTest, id: string): Promise<unknown> {
  try {
    return await machine.call(`Counter/${id}`, 'where')
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== 'NodeLost') throw error
    return await answerOf(machine, id)
  }
}
