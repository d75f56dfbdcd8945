/** Entities are moved about, nodes drained and entities replaced, in real processes whose entities call each other all the while. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AppUnderTest, epic, temporaryFolder, writeApp } from './cli-rig.ts'

const TARGETS = 12
const CALLERS = 3
const PROCESSES = 3

const app = `
class Tally extends Entity {
  last: Record<string, number> = {}
  count = 0
  late = 0
  async note(caller: string, n: number): Promise<void> {
    if (n <= (this.last[caller] ?? -1)) this.late += 1
    this.last[caller] = n
    this.count += 1
  }
  async report(): Promise<number[]> { return [this.count, this.late] }
}
export class Saved extends Tally {
  static override settings = settings<Saved>({})
}
export class Ghost extends Tally {
  static override settings = settings<Ghost>({ persistent: false })
}
export class Caller extends Entity {
  static override settings = settings<Caller>({ persistent: false })
  sent = 0
  /** Three calls to each target, one behind the other; none waits for the answer to the one before. */
  async burst(name: string): Promise<number> {
    const calls: Promise<void>[] = []
    for (let i = 0; i < ${3 * TARGETS}; i += 1) {
      const id = i % ${TARGETS}
      const target = id % 2 === 0 ? this.ref(Ghost, id) : this.ref(Saved, id)
      calls.push(target.note(name, this.sent))
      this.sent += 1
    }
    await Promise.all(calls)
    return calls.length
  }
}
export default defineApp({ entities: { Saved, Ghost, Caller } })`

/** Callers that go on until they are stopped, and what they have called. */
class Load {
  #isOver = false
  readonly #ended: Promise<number[]>

  constructor(running: AppUnderTest) {
    this.#ended = Promise.all(
      Array.from({ length: CALLERS }, (_, i) => this.#callOn(running, `Caller/${i}`)),
    )
    // A call that fails is told of by `stop`.
    this.#ended.catch(() => undefined)
  }

  async stop(): Promise<number> {
    this.#isOver = true
    return (await this.#ended).reduce((sum, count) => sum + count, 0)
  }

  async #callOn(running: AppUnderTest, caller: string): Promise<number> {
    let count = 0
    while (!this.#isOver) count += (await running.call(caller, 'burst', caller)) as number
    return count
  }
}

function nameOf(target: number): string {
  return target % 2 === 0 ? `Ghost/${target}` : `Saved/${target}`
}

/** Runs the app under load while something is done to it; then every call is in a count once, and each caller's in order. */
async function underLoad(
  t: TestContext,
  work: (running: AppUnderTest, ask: (...args: string[]) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const file = await writeApp(folder, app)
  const running = await AppUnderTest.start(t, file, { data, processes: PROCESSES })
  await running.allServe(PROCESSES)
  const load = new Load(running)
  await work(running, async (...args) => {
    const { code, stdout, stderr } = await epic(...args, '--data', data, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as unknown
  })
  const called = await load.stop()
  let [counted, late] = [0, 0]
  for (let target = 0; target < TARGETS; target += 1) {
    const report = (await running.call(nameOf(target), 'report')) as [number, number]
    counted += report[0]
    late += report[1]
  }
  assert.ok(called > 0)
  assert.deepEqual({ counted, late }, { counted: called, late: 0 })
}

test('epic move, plan and replace under load: each call counts once and in order', async (t) => {
  await underLoad(t, async (running, ask) => {
    for (let i = 0; i < 5 * TARGETS; i += 1) {
      const [type = '', id = ''] = nameOf(i % TARGETS).split('/')
      const to = String((i + Math.floor(i / TARGETS)) % PROCESSES)
      const answer = await running.app.ask({ ask: 'move', type, id, to })
      assert.ok(answer.ok, answer.ok ? '' : answer.error.message)
      assert.equal((answer.value as { status: string }).status, 'moved')
    }
    const moved = (await ask('move', 'Ghost/0', '1')) as { status: string }
    assert.equal(moved.status, 'moved')
    const plan = (await ask('plan', '--leave', '0')) as { partitions: number; entities: number }
    assert.ok(plan.partitions > 0 && plan.entities > 0, JSON.stringify(plan))
    const { membership } = (await ask('status')) as {
      membership: { members: readonly { appVersion: string }[] }
    }
    const version = membership.members[0]?.appVersion ?? ''
    const replaced = await ask('replace', 'Saved/1', '--app-version', version)
    assert.equal((replaced as { status: string }).status, 'moved')
  })
})

test('epic drain under load: nodes start anew one after the other, each call counts once and in order', async (t) => {
  await underLoad(t, async (running, ask) => {
    for (const slot of ['0', '1']) {
      const { node } = (await ask('drain', slot, '--restart')) as { node: string }
      for (;;) {
        await running.allServe(PROCESSES)
        const nodes = await running.app.nodes()
        if (nodes.every((each) => each.node !== node)) break
      }
    }
  })
})
