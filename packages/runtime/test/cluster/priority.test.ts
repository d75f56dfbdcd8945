/** What floods and slow peers do to calls between nodes: who waits, who is refused, and who is dropped. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { pairRig, type Member, type PairRig } from '../pair-rig.ts'
import { quiet } from '../rig.ts'

let held: Promise<void> = Promise.resolve()

class Thing extends Entity {
  static override settings = settings<Thing>({
    persistent: false,
    mailboxMax: 10,
    operations: {
      move: { oneWay: true, reliability: 'unreliable', coalesce: 'latest' },
      spark: { oneWay: true, reliability: 'unreliable' },
      tell: { oneWay: true },
      urgent: { priority: 'high' },
      ask: { timeoutMs: 200 },
      hold: { lock: 'entity' },
    },
  })
  seen: unknown[] = []
  move(x: number): void {
    this.seen.push(x)
  }
  spark(x: number): void {
    this.seen.push(x)
  }
  tell(x: number): void {
    this.seen.push(x)
  }
  async urgent(): Promise<void> {
    this.seen.push('urgent')
  }
  async whatCame(): Promise<unknown[]> {
    return [...this.seen]
  }
  async never(): Promise<void> {
    this.seen.push('began')
    await new Promise(() => undefined)
  }
  async ask(other: Ref<Thing>): Promise<void> {
    await other.never()
  }
  async hold(): Promise<void> {
    await held
  }
  async moveOther(other: Ref<Thing>, positions: number[]): Promise<void> {
    for (const x of positions) other.move(x)
  }
}

type Rig = PairRig<{ Thing: typeof Thing }>

async function pair(): Promise<{ rig: Rig; near: Member<{ Thing: typeof Thing }>; far: string[] }> {
  const rig = await pairRig({ Thing })
  const [near, other] = rig.members
  return { rig, near: near!, far: [0, 1].map((n) => rig.idAt(other!, 'Thing', n)) }
}

describe('calls between nodes, under load', () => {
  it('a mailbox that is full refuses with Overloaded, which is safe to repeat: what was refused has not run', async () => {
    const { rig, near, far } = await pair()
    const thing = near.pool.Thing[far[0]!]!
    await thing.whatCame()
    for (let i = 0; i < 10; i += 1) thing.never().catch(() => undefined)
    await assert.rejects(thing.never(), { code: 'Overloaded', retry: 'safe' })
    await quiet()
    const { activations } = rig.members[1]!.node.kernel.types.get('Thing')!
    assert.equal((activations.get(far[0]!)!.instance as Thing).seen.length, 10)
    rig.close()
  })

  it('a lane whose other side is behind refuses calls with Overloaded, before they leave', async () => {
    const { rig, near, far } = await pair()
    const thing = near.pool.Thing[far[0]!]!
    rig.network.backlogBytes = 16 * 1024 * 1024
    await assert.rejects(thing.whatCame(), { code: 'Overloaded', retry: 'safe' })
    rig.network.backlogBytes = 0
    assert.deepEqual(await thing.whatCame(), [])
    rig.close()
  })

  it('an unreliable message never waits behind reliable ones, and is not refused for them', async () => {
    const { rig, near, far } = await pair()
    const thing = near.pool.Thing[far[0]!]!
    rig.network.backlogBytes = 16 * 1024 * 1024
    thing.spark(1)
    rig.network.backlogBytes = 0
    assert.deepEqual(await thing.whatCame(), [1])
    assert.deepEqual(
      near.log.filter(({ level }) => level === 'error'),
      [],
    )
    rig.close()
  })

  it('messages that coalesce bear a key: their caller, entity and operation', async () => {
    const { rig, near, far } = await pair()
    const other = near.pool.Thing[far[0]!]!
    const own = rig.idAt(near, 'Thing')
    other.move(1)
    other.spark(1)
    await near.pool.Thing[own]!.moveOther(other, [2])
    const target = `Thing/${far[0]} move`
    assert.deepEqual(rig.network.unreliableKeys, [
      ` ${target}`,
      undefined,
      `Thing/${own} ${target}`,
    ])
    rig.close()
  })

  it('of those of one caller that wait at the entity the latest counts, and of each caller one', async () => {
    const { rig, near, far } = await pair()
    const other = near.pool.Thing[far[0]!]!
    const callers = [0, 1].map((n) => near.pool.Thing[rig.idAt(near, 'Thing', n)]!)
    let release = (): void => undefined
    held = new Promise((resolve) => {
      release = resolve
    })
    const holding = other.hold()
    await quiet()
    await Promise.all(callers.map((caller, i) => caller.moveOther(other, [i, i + 10, i + 20])))
    await quiet()
    release()
    await holding
    assert.deepEqual(await other.whatCame(), [20, 21])
    rig.close()
  })

  it('unreliable messages that a full mailbox drops are counted and not reported as failures', async () => {
    const { rig, near } = await pair()
    const own = near.pool.Thing[rig.idAt(near, 'Thing')]!
    for (let i = 0; i < 8; i += 1) own.spark(i)
    assert.deepEqual(await own.whatCame(), [0, 1, 2, 3, 4])
    assert.equal(near.node.shedMessages, 3)
    assert.deepEqual(
      near.log.filter(({ level }) => level === 'error'),
      [],
    )
    rig.close()
  })

  it('a call of high priority overtakes what waits on other lanes at its entity', async () => {
    const { rig, near, far } = await pair()
    const thing = near.pool.Thing[far[0]!]!
    for (let i = 0; i < 5; i += 1) thing.tell(i)
    await thing.urgent()
    assert.deepEqual((await thing.whatCame()).indexOf('urgent'), 0)
    rig.close()
  })

  it('the deadline of a call is that of all calls that it leads to, on whatever node', async () => {
    const { rig, near, far } = await pair()
    const back = near.pool.Thing[rig.idAt(near, 'Thing')]!
    const failed = assert.rejects(near.pool.Thing[far[0]!]!.ask(back), { code: 'Timeout' })
    await rig.clock.advance(100)
    assert.deepEqual(await back.whatCame(), ['began'])
    const [, other] = rig.members
    assert.equal(other!.node.kernel.counts.pendingCalls, 1)
    await rig.clock.advance(300)
    await failed
    // Its timeout of 30 s did not count, since that of its caller was 200 ms.
    assert.equal(other!.node.kernel.counts.pendingCalls, 0)
    rig.close()
  })
})
