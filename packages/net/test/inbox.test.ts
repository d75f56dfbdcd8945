import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Carrier } from '#src/carrier.ts'
import { Inbox } from '#src/inbox.ts'
import { NORMAL, UNRELIABLE } from '#src/lane.ts'
import { Runner } from '#src/runner.ts'
import { VirtualClock } from './virtual-clock.ts'

interface Fixture {
  readonly clock: VirtualClock
  readonly inbox: Inbox<number>
  readonly delivered: number[]
  readonly credits: (readonly [lane: number, cost: number])[]
  readonly problems: string[]
  readonly emptied: () => number
}

/** An inbox whose batches are lists of numbers; a negative one does not decode. */
function fixture(): Fixture {
  const clock = new VirtualClock()
  const delivered: number[] = []
  const credits: (readonly [number, number])[] = []
  const problems: string[] = []
  let emptied = 0
  const carrier: Pick<Carrier<number>, 'decode'> = {
    decode: (payload, into) => {
      into.push(...(payload as readonly number[]))
      return into.some((message) => message < 0) ? 'a negative number' : undefined
    },
  }
  const inbox = new Inbox<number>({
    runner: new Runner({ clock }),
    policy: 'standalone',
    windows: [100, 100, 100, 100],
    unreliableBytesMax: 50,
    owner: {
      clock,
      carrier: carrier as Carrier<number>,
      deliver: (message) => void delivered.push(message),
      giveCredit: (lane, cost) => credits.push([lane, cost]),
      handleBroken: (problem) => problems.push(problem),
      handleEmpty: () => (emptied += 1),
      describe: () => 'test',
    },
  })
  return { clock, inbox, delivered, credits, problems, emptied: () => emptied }
}

describe('inbox', () => {
  it('is held at first', async () => {
    const { clock, inbox, delivered } = fixture()
    inbox.receive(NORMAL, [1], 10)
    await clock.run(0)
    assert.deepEqual(delivered, [])
    inbox.release()
    await clock.run(0)
    assert.deepEqual(delivered, [1])
  })

  it('gives credit back when half of the window was processed', async () => {
    const { clock, inbox, credits } = fixture()
    inbox.release()
    for (let i = 0; i < 5; i += 1) {
      assert.equal(inbox.receive(NORMAL, [i], 20), undefined)
      await clock.run(0)
    }
    assert.deepEqual(credits, [[NORMAL, 60]])
    assert.equal(inbox.heldCost, 0)
  })

  it('refuses a batch that begins without credit, but not the last that overdraws it', () => {
    const { inbox } = fixture()
    assert.equal(inbox.receive(NORMAL, [1], 99), undefined)
    assert.equal(inbox.receive(NORMAL, [2], 500), undefined)
    assert.match(inbox.receive(NORMAL, [3], 1) ?? '', /normal lane beyond its credit of 100/)
    assert.equal(inbox.receive(0, [4], 1), undefined, 'each lane has its own')
  })

  it('processed work counts as held until its credit went out, or a sender could have twice its window here', async () => {
    const { clock, inbox } = fixture()
    inbox.release()
    inbox.receive(NORMAL, [1], 49)
    await clock.run(0)
    inbox.hold()
    assert.equal(inbox.receive(NORMAL, [2], 51), undefined)
    assert.notEqual(inbox.receive(NORMAL, [3], 1), undefined)
  })

  it('keeps the latest of what is unreliable', async () => {
    const { clock, inbox, delivered, credits } = fixture()
    for (let i = 0; i < 10; i += 1) assert.equal(inbox.receive(UNRELIABLE, [i], 20), undefined)
    assert.equal(inbox.droppedUnreliable, 8)
    inbox.release()
    await clock.run(0)
    assert.deepEqual(delivered, [8, 9])
    assert.deepEqual(credits, [], 'and takes no credit for it')
  })

  it('delivers nothing of a batch that does not decode, and says what is wrong', async () => {
    const { clock, inbox, delivered, problems } = fixture()
    inbox.receive(NORMAL, [1, -1], 10)
    inbox.release()
    await clock.run(0)
    assert.deepEqual(delivered, [])
    assert.deepEqual(problems, ['a negative number'])
  })

  it('tells when all is processed, and delivers nothing once it is closed', async () => {
    const { clock, inbox, delivered, emptied } = fixture()
    inbox.release()
    inbox.receive(NORMAL, [1], 10)
    inbox.receive(0, [2], 10)
    assert.equal(inbox.isEmpty, false)
    await clock.run(0)
    assert.equal(emptied(), 1)
    inbox.close()
    inbox.receive(NORMAL, [3], 10)
    await clock.run(0)
    assert.deepEqual(delivered, [2, 1])
  })
})
