/** A whole cluster in one process: what a test may do to it, and what it hears when something breaks. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineApp, Entity } from '@epicserver/runtime'
import {
  converges,
  everyCallAnswered,
  noLeak,
  nothingAcknowledgedLost,
  orderPerPair,
  simulate,
  SimulationFailed,
  singleActivation,
  type World,
} from '@epicserver/testkit'

class Counter extends Entity {
  count = 0
  async add(): Promise<number> {
    this.count += 1
    return this.count
  }
  async look(): Promise<{ readonly at: number; readonly dice: number }> {
    return { at: Date.now(), dice: Math.random() }
  }
  async wait(ms: number): Promise<number> {
    const startedAt = performance.now()
    let wake: () => void = () => undefined
    const woken = new Promise<void>((resolve) => (wake = resolve))
    setTimeout(wake, ms) // of the world's time, which costs none of ours
    await woken
    return performance.now() - startedAt
  }
}

const app = defineApp({ entities: { Counter } })
type CounterWorld = World<{ Counter: typeof Counter }>

async function add(world: CounterWorld, id: number): Promise<number> {
  const outcome = await world.call((pool) => pool.Counter[id]!.add())
  if (outcome.kind !== 'done') throw outcome.error
  return outcome.value
}

async function addToAll(world: CounterWorld): Promise<number[]> {
  const values: number[] = []
  for (let id = 0; id < 12; id += 1) values.push(await add(world, id))
  return values
}

describe('simulation: a cluster', () => {
  it('survives a partition and a crash, as in the design', async () => {
    const { virtualMs } = await simulate({ app, nodes: 5, seed: 42 }, async (world) => {
      await addToAll(world)
      world.partition(['n1', 'n2'], ['n3', 'n4', 'n5'])
      world.crash('n4')
      await world.run({ minutes: 10 })
      await world.check(singleActivation, nothingAcknowledgedLost, everyCallAnswered, converges)
      assert.deepEqual(new Set(await addToAll(world)), new Set([2]))
    })
    assert.ok(virtualMs >= 600_000)
  })

  it('keeps its promises while machines leave, come back, are emptied and filled', async () => {
    await simulate({ app, nodes: 3, seed: 7 }, async (world) => {
      for (const change of [
        () => world.leave('n3'),
        () => world.restart('n3'),
        () => world.drain('n1'),
        () => world.activate('n1'),
      ]) {
        change()
        await addToAll(world)
        await world.run({ seconds: 5 })
      }
      assert.deepEqual(new Set(await addToAll(world)), new Set([5]))
      await world.check(converges, singleActivation, orderPerPair, noLeak)
    })
  })

  it('moves an entity where it is told, and says what came of it', async () => {
    await simulate({ app, nodes: 3, seed: 3 }, async (world) => {
      await add(world, 1)
      for (const host of world.hosts) {
        const outcome = await world.move({ type: 'Counter', id: '1' }, host)
        assert.equal(outcome.kind === 'done' && outcome.value.status, 'moved')
      }
      assert.equal(await add(world, 1), 2)
      world.crash('n2')
      const outcome = await world.move({ type: 'Counter', id: '1' }, 'n2')
      assert.match(String(outcome.kind === 'failed' && outcome.error), /no node runs there/)
    })
  })

  it('runs user code with its own clock, dice and timers', async () => {
    const seen: unknown[] = []
    for (let i = 0; i < 2; i += 1) {
      await simulate({ app, nodes: 1, seed: 5 }, async (world) => {
        const looked = await world.call((pool) => pool.Counter[1]!.look())
        const waited = await world.call((pool) => pool.Counter[1]!.wait(20_000))
        assert.ok(waited.kind === 'done' && Math.abs(waited.value - 20_000) < 1)
        seen.push(looked)
      })
    }
    assert.deepEqual(seen[0], seen[1])
  })
})

describe('simulation: a run', () => {
  const run = (seed: number): Promise<string> =>
    simulate({ app, nodes: 3, seed, faults: 'drawn' }, async (world) => {
      for (let i = 0; i < 20; i += 1) {
        await world.call((pool) => pool.Counter[i % 4]!.add())
        await world.run({ ms: 100 })
      }
    }).then(({ traceHash }) => traceHash)

  it('is a function of its seed', async () => {
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    assert.equal(first, again)
    assert.notEqual(first, other)
  })

  it('that breaks a promise says which, how it came about, and how to replay it', async () => {
    const mutations = ['storeForgets'] as const
    const replay = 'npm test -- this one'
    const broken = simulate({ app, nodes: 2, seed: 1, mutations, replay }, async (world) => {
      for (let id = 0; id < 500; id += 1) await add(world, id)
      await world.check(nothingAcknowledgedLost)
    })
    await assert.rejects(broken, (error) => {
      assert.ok(error instanceof SimulationFailed)
      assert.match(error.message, /nothingAcknowledgedLost: /)
      assert.match(error.message, /The last of \d+ entries:\n/)
      return error.message.endsWith('Replay: npm test -- this one')
    })
  })

  it('hears of a check that nobody awaited', async () => {
    const never = (): never => {
      throw new Error('never holds')
    }
    const broken = simulate({ app, nodes: 1, seed: 1 }, (world) => void world.check(never))
    await assert.rejects(broken, /never holds/)
  })

  it('does not know a host that there is not', async () => {
    const broken = simulate({ app, nodes: 2, seed: 1 }, (world) => world.crash('n3'))
    await assert.rejects(broken, /There is no host "n3", only n1, n2/)
  })
})

describe('simulate: links', () => {
  it('to a dead node that the view still names are tried ever more seldom', async () => {
    await simulate({ app, nodes: 2, seed: 5 }, async (world) => {
      world.stopEngine() // which loses the word that the node is dead: its lease has to run out
      world.crash('n2')
      await world.run({ ms: 50 })
      world.heal()
      await world.run({ ms: 1_000 })
      const tries = world.trace().filter((line) => line.endsWith('the end of a channel')).length
      // At an even pace there would be some 50.
      assert.ok(tries >= 5 && tries <= 20, `${tries} tries`)
    })
  })
})
