import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Activation } from '@epicserver/kernel'
import { Entity, settings } from '@epicserver/runtime'
import { Samples } from '#src/placement/samples.ts'
import { rig } from '../rig.ts'

class Worker extends Entity {
  static override settings = settings<Worker>({ persistent: false })
  async work(): Promise<void> {}
}

const ROUND_MS = 5_000
const { node, pool } = rig({ Worker })

/** Entities of a node, in memory and at work. */
async function workers(...ids: readonly string[]): Promise<Activation[]> {
  await Promise.all(ids.map((id) => pool.Worker[id]!.work()))
  return ids.map((id) => node.kernel.types.get('Worker')!.activations.get(id)!)
}

/** Shares of a node whose processor is full. */
function sharesOf(samples: Samples): Record<string, number> {
  const load = { cpu: 1, bytes: 0, messages: 0, entities: 2 }
  return Object.fromEntries(samples.weigh(load, ROUND_MS).map((each) => [each.key, each.load.cpu]))
}

describe('samples: the weight of an entity', () => {
  it('is its share of the turns where nobody was seen to hold the processor', async () => {
    const [a, b] = await workers('a', 'b')
    const samples = new Samples(() => 0)
    samples.noteTurns(a!, 30, false)
    samples.noteTurns(b!, 10, false)
    assert.deepEqual(sharesOf(samples), { 'Worker/a': 0.75, 'Worker/b': 0.25 })
  })

  it('is its share of the looks that found it holding the processor, however few its turns', async () => {
    const [a, b] = await workers('a', 'b')
    const samples = new Samples(() => 0)
    samples.noteTurns(a!, 1_000, false)
    samples.noteBusy(a!, 1)
    samples.noteBusy(b!, 4)
    assert.deepEqual(sharesOf(samples), { 'Worker/a': 0.2, 'Worker/b': 0.8 })
  })

  it('counts call and answer of each turn for another node, and none of those that stay', async () => {
    const [a, b] = await workers('a', 'b')
    const samples = new Samples(() => 0)
    samples.noteTurns(a!, 100, true)
    samples.noteTurns(b!, 100, false)
    const load = { cpu: 0, bytes: 0, messages: 0, entities: 2 }
    const messages = samples.weigh(load, ROUND_MS).map((each) => each.load.messages)
    assert.deepEqual(messages, [20, 0])
  })

  it('tells since when it is here, from its first sample', async () => {
    const [a] = await workers('a')
    let now = 1_000
    const samples = new Samples(() => now)
    samples.noteTurns(a!, 1, false)
    now = 4_000
    samples.noteTurns(a!, 1, false)
    const load = { cpu: 0, bytes: 0, messages: 0, entities: 1 }
    assert.equal(samples.weigh(load, ROUND_MS)[0]?.sinceMs, 3_000)
  })
})

describe('samples: talk', () => {
  it('is added up by partner, at the place where that was last', async () => {
    const [a] = await workers('a')
    const samples = new Samples(() => 0)
    samples.noteCalls(a!, 'Worker/far', 'n2', 60)
    samples.noteCalls(a!, 'Worker/far', 'n3', 40)
    assert.deepEqual(samples.talks(ROUND_MS), [
      { key: 'Worker/a', with: 'Worker/far', at: 'n3', rate: 10 },
    ])
  })

  it('is kept of no more partners than the first 64', async () => {
    const [a] = await workers('a')
    const samples = new Samples(() => 0)
    for (let i = 0; i < 70; i += 1) samples.noteCalls(a!, `Worker/${i}`, 'n2', 1)
    assert.equal(samples.talks(ROUND_MS).length, 64)
  })
})

describe('samples: a round that is over', () => {
  it('halves what was seen', async () => {
    const [a, b] = await workers('a', 'b')
    const samples = new Samples(() => 0)
    samples.noteTurns(a!, 80, false)
    samples.noteCalls(a!, 'Worker/far', 'n2', 100)
    samples.fade()
    samples.noteTurns(b!, 40, false)
    assert.deepEqual(sharesOf(samples), { 'Worker/a': 0.5, 'Worker/b': 0.5 })
    assert.equal(samples.talks(ROUND_MS)[0]?.rate, 5)
  })

  it('forgets who does nothing any more, partner by partner', async () => {
    const [a, b] = await workers('a', 'b')
    const samples = new Samples(() => 0)
    samples.noteTurns(a!, 64, false)
    samples.noteCalls(a!, 'Worker/far', 'n2', 2)
    samples.noteTurns(b!, 2, false)
    samples.fade()
    assert.deepEqual(samples.talks(ROUND_MS), [])
    assert.deepEqual(Object.keys(sharesOf(samples)), ['Worker/a'])
  })

  it('forgets at once who is gone, and weighs it no more before that', async () => {
    const [gone] = await workers('gone')
    const samples = new Samples(() => 0)
    samples.noteTurns(gone!, 1_000, false)
    node.kernel.drop(gone!)
    assert.deepEqual(sharesOf(samples), {})
    assert.equal(samples.size, 1)
    samples.fade()
    assert.equal(samples.size, 0)
  })
})
