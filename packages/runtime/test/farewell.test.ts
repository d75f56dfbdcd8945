/** Nodes that stop in good order while others call their entities all the time. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type PoolIndex } from '@epicserver/runtime'
import { RESULT } from '#src/cluster/peer-messages.ts'
import { pairRig, type Member, type PairRig } from './pair-rig.ts'

class Thing extends Entity {
  static override settings = settings<Thing>({
    operations: {
      note: { oneWay: true },
      noteLow: { oneWay: true, priority: 'low' },
    },
  })
  count = 0
  notes: number[] = []
  async add(n: number): Promise<void> {
    this.count += n
  }
  note(n: number): void {
    this.notes.push(n)
  }
  noteLow(n: number): void {
    this.notes.push(n)
  }
  async seen(): Promise<{ count: number; notes: number[] }> {
    return { count: this.count, notes: this.notes }
  }
}

const entities = { Thing }
type App = typeof entities

/** Lets one node leave, and has another call `call` in every turn of the event loop until nobody knows that node any more. */
async function leaveUnderCalls(
  rig: PairRig<App>,
  { leaver, caller }: { leaver: Member<App>; caller: Member<App> },
  call: (n: number) => void,
): Promise<number> {
  let hasLeft = false
  let calls = 0
  void leaver.cluster.stop().then(() => (hasLeft = true))
  const isKnown = (): boolean =>
    caller.cluster.member.view?.members.some(({ nodeId }) => nodeId === leaver.node.nodeId) === true
  while (!hasLeft || isKnown()) {
    call((calls += 1))
    await new Promise(setImmediate)
    if (calls % 4 === 0) await rig.clock.advance(1)
  }
  return calls
}

/** Where a batch says what its first message is, as long as there were few views. */
const AFTER_VIEW_NO = 1

/** Calls things of a node that leaves in every turn of the event loop: each another one, since a second call waits behind the first. */
class Newcomer {
  readonly failures: unknown[] = []
  readonly #ids: readonly string[]
  #answered = 0
  calls = 0
  isDone = false

  constructor({ node }: Member<App>) {
    const all = Array.from({ length: 20_000 }, (_, n) => `e${n}`)
    this.#ids = all.filter((id) => node.ports.router.isHome(node.refTo('Thing', id)))
  }

  get isAnswered(): boolean {
    return this.#answered + this.failures.length === this.calls
  }

  async call(things: PoolIndex<Thing>): Promise<void> {
    while (!this.isDone) {
      things[this.#ids[this.calls] as string]!.add(1).then(
        () => (this.#answered += 1),
        (error: unknown) => this.failures.push(error),
      )
      this.calls += 1
      await new Promise(setImmediate)
    }
  }
}

async function rigOfTwo(): Promise<{
  readonly rig: PairRig<App>
  readonly caller: Member<App>
  readonly leaver: Member<App>
}> {
  const rig = await pairRig(entities)
  const [caller, leaver] = rig.members
  assert.ok(caller && leaver)
  return { rig, caller, leaver }
}

describe('leaving in good order', () => {
  it('no call that is on its way to a node that leaves fails', async () => {
    const { rig, caller, leaver } = await rigOfTwo()
    const thing = caller.pool.Thing[rig.idAt(leaver, 'Thing')]!
    const failures: unknown[] = []
    let answered = 0
    const calls = await leaveUnderCalls(rig, { caller, leaver }, () => {
      thing.add(1).then(
        () => (answered += 1),
        (error: unknown) => failures.push(error),
      )
    })
    await rig.until(() => answered + failures.length === calls, 'all calls are answered')
    assert.deepEqual(failures, [])
    assert.equal((await thing.seen()).count, calls)
    rig.close()
  })

  for (const operation of ['note', 'noteLow'] as const) {
    it(`no message that nobody waits for is lost, nor out of order: ${operation}`, async () => {
      const { rig, caller, leaver } = await rigOfTwo()
      const thing = caller.pool.Thing[rig.idAt(leaver, 'Thing')]!
      const calls = await leaveUnderCalls(rig, { caller, leaver }, (n) => thing[operation](n))
      let notes: readonly number[] = []
      const look = (): void => void thing.seen().then((seen) => (notes = seen.notes))
      await rig.until(() => (look(), notes.length >= calls), 'all messages have arrived')
      assert.deepEqual(
        notes,
        Array.from({ length: calls }, (_, i) => i + 1),
      )
      rig.close()
    })
  }

  it('what a node that leaves has sent last arrives', async () => {
    const { rig, caller, leaver } = await rigOfTwo()
    const id = rig.idAt(caller, 'Thing')
    leaver.pool.Thing[id]!.noteLow(1)
    let hasLeft = false
    void leaver.cluster.stop().then(() => (hasLeft = true))
    await rig.until(() => hasLeft, 'the node leaves')
    assert.deepEqual((await caller.pool.Thing[id]!.seen()).notes, [1])
    rig.close()
  })

  it('no call of a node that comes meanwhile fails', async () => {
    const { rig, caller, leaver } = await rigOfTwo()
    const newcomer = new Newcomer(leaver)
    // The other node is slow to say farewell, so that a third has time to come.
    rig.network.filter = ({ from, lane }) => from !== caller.node.nodeId || lane !== 'high'
    void leaver.cluster.stop().then(() => (newcomer.isDone = true))
    await rig.join({ onJoined: ({ Thing }) => void newcomer.call(Thing as PoolIndex<Thing>) })
    await rig.until(() => newcomer.isDone && newcomer.isAnswered, 'all are answered')
    assert.deepEqual(newcomer.failures, [])
    assert.ok(newcomer.calls > 10)
    rig.close()
  })

  it('no call of a node fails to which a link has yet to open', async () => {
    const { rig, leaver } = await rigOfTwo()
    const newcomer = new Newcomer(leaver)
    const known = rig.members.map(({ node }) => node.nodeId)
    // The one that comes does not answer the greeting, so that a second goes by before it is called by the one that leaves.
    rig.network.filter = ({ from, bytes }) =>
      known.includes(from) || bytes[AFTER_VIEW_NO] !== RESULT
    const joined = await rig.join()
    void newcomer.call(joined.pool.Thing)
    rig.network.filter = () => true
    void leaver.cluster.stop().then(() => (newcomer.isDone = true))
    await rig.until(() => newcomer.isDone && newcomer.isAnswered, 'all are answered')
    assert.deepEqual(newcomer.failures, [])
    assert.ok(newcomer.calls > 0)
    rig.close()
  })

  it('a node that cannot answer a farewell is not waited for', async () => {
    const { rig, caller, leaver } = await rigOfTwo()
    rig.network.filter = ({ from }) => from !== caller.node.nodeId
    let hasLeft = false
    void leaver.cluster.stop().then(() => (hasLeft = true))
    await rig.until(() => hasLeft, 'the node leaves')
    rig.close()
  })
})
