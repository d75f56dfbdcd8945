/** What operators do to the places of entities, in an app of real processes over one data folder. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AppUnderTest, epic, temporaryFolder, writeApp } from './cli-rig.ts'

const app = `
export class Room extends Entity {
  count = 0
  async add(n: number): Promise<number> { this.count += n; return this.count }
  async where(): Promise<number> { return process.pid }
  async tick(): Promise<void> { this.count += 1 }
  async start(): Promise<void> { this.timer.set('tick', 'tick', { intervalMs: 20 }) }
}
export class Ghost extends Entity {
  static override settings = settings<Ghost>({ persistent: false })
  count = 0
  async add(n: number): Promise<number> { this.count += n; return this.count }
}
export default defineApp({ entities: { Room, Ghost } })`

interface Nodes {
  readonly nodes: readonly { slot: number; pid: number; node: string; entities: unknown[] }[]
}

async function started(
  t: TestContext,
  processes: number,
): Promise<{ data: string; ask: (...args: string[]) => Promise<unknown>; app: AppUnderTest }> {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const file = await writeApp(folder, app)
  const running = await AppUnderTest.start(t, file, { data, processes })
  await running.allServe(processes)
  const ask = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await epic(...args, '--data', data, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }
  return { data, ask, app: running }
}

/** Adds one to each of many that are in memory only, and says which counts that gave. */
async function addToGhosts({ app: running }: AppUnderTest): Promise<ReadonlySet<unknown>> {
  const answers = Array.from({ length: 200 }, (_, i) =>
    running.ask({ ask: 'call', type: 'Ghost', id: `g${i}`, operation: 'add', args: [1] }),
  )
  return new Set((await Promise.all(answers)).map((each) => (each.ok ? each.value : each.error)))
}

test('epic move: an entity goes to the node that is named, with its state, and back', async (t) => {
  const { data, ask } = await started(t, 2)
  await ask('call', 'Room/a', 'add', '[5]')
  const { nodes } = (await ask('ps')) as Nodes
  for (const { slot, node, pid } of nodes) {
    const outcome = (await ask('move', 'Room/a', String(slot))) as { status: string; node: string }
    assert.deepEqual([outcome.status, outcome.node], ['moved', node])
    assert.deepEqual(await ask('call', 'Room/a', 'where'), { result: pid })
  }
  assert.deepEqual(await ask('call', 'Room/a', 'add', '[1]'), { result: 6 })
  const plain = await epic('move', 'Room/a', nodes[0]?.node ?? '', '--data', data)
  assert.match(plain.stdout, /^Room\/a lives at \S+; calls waited \d+\.\d ms\.\n$/)
  const wrong = await epic('move', 'Room/a', 'nowhere', '--data', data)
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /^epic: Cannot find node "nowhere": the nodes are /)
  assert.match(wrong.stderr, /^      Give a node's id/m)
})

test('epic drain: a node gives everything away, starts anew, and nothing is lost', async (t) => {
  const { data, ask, app: running } = await started(t, 2)
  const haunt = (): Promise<ReadonlySet<unknown>> => addToGhosts(running)
  await haunt()
  await ask('call', 'Room/ticking', 'start')
  const before = (await ask('ps')) as Nodes
  const report = (await ask('drain', '0', '--restart')) as { node: string; moved: number }
  assert.equal(report.node, before.nodes[0]?.node)
  assert.ok(report.moved >= 50, `${report.moved} of some hundred moved`)
  assert.deepEqual(await haunt(), new Set([2]))
  await running.allServe(2)
  const after = (await ask('ps')) as Nodes
  assert.notEqual(after.nodes[0]?.node, before.nodes[0]?.node)
  const first = (await ask('call', 'Room/ticking', 'add', '[0]')) as { result: number }
  const plain = await epic('drain', '1', '--data', data)
  assert.match(plain.stdout, /has nothing any more: \d+ entities moved/)
  const later = (await ask('call', 'Room/ticking', 'add', '[0]')) as { result: number }
  assert.ok(later.result > first.result, `${first.result}, then ${later.result}`)
  const none = await epic('drain', '0', '--data', data)
  assert.match(none.stderr, /no other node is active and could take what it has/)
  await ask('drain', '1', '--cancel')
  const again = (await ask('drain', '0')) as { node: string }
  assert.equal(again.node, after.nodes[0]?.node)
})

test('epic plan and replace: what a change would move is said, and what cannot be replaced', async (t) => {
  const { data, ask } = await started(t, 2)
  await ask('call', 'Room/a', 'add', '[5]')
  const join1 = (await ask('plan', '--join', '1')) as { partitions: number; owned: unknown[] }
  assert.equal(join1.owned.length, 3)
  assert.ok(join1.partitions > 200 && join1.partitions < 500, `${join1.partitions} partitions`)
  const leave = (await ask('plan', '--leave', '0')) as { partitions: number }
  assert.equal(leave.partitions, 512)
  const plain = await epic('plan', '--join', '1', '--data', data)
  assert.match(plain.stdout, /new-1 +0 +\d+\n\n\d+ partitions would get another owner/)
  const idle = (await ask('plan')) as { balance: { why: string; count: number }[] }
  assert.deepEqual(
    idle.balance.map(({ why, count }) => [why, count]),
    [
      ['settled', 0],
      ['settled', 0],
    ],
  )
  const now = await epic('plan', '--data', data)
  assert.equal(now.stdout, 'Balance would move nothing now.\n')
  const both = await epic('plan', '--join', '1', '--leave', '0', '--data', data)
  assert.match(both.stderr, /give --join <count> or --leave <node>, not both/)
  const unknown = await epic('replace', 'Room/0', '--app-version', '9', '--data', data)
  assert.match(unknown.stderr, /Cannot replace "Room\/0" by version 9: no active node runs it/)
})
