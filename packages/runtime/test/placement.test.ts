/** Where entities begin, by what their class says. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type AnyRef, type Placement, type Ref } from '@epicserver/runtime'
import { pairRig, type Member, type PairRig } from './pair-rig.ts'
import { rig } from './rig.ts'

class Counter extends Entity {
  count = 0
  async add(n: number): Promise<number> {
    this.count += n
    return this.count
  }
}

class Hash extends Counter {
  async addTo(there: Ref<Local>, n: number): Promise<number> {
    return await there.add(n)
  }
}

class Local extends Counter {
  static override settings = settings<Local>({ placement: 'local', idleAfterMs: 5_000 })
}

class Spread extends Counter {
  static override settings = settings<Spread>({ placement: 'load' })
}

class Model extends Counter {
  static override settings = settings<Model>({ placement: { label: 'gpu' } })
}

class Ghost extends Counter {
  static override settings = settings<Ghost>({ persistent: false, placement: { label: 'gpu' } })
}

/** `room/7` is beside `Local/room`. */
class Seat extends Counter {
  static override settings = settings<Seat>({
    placement: { near: (id, pool) => pool.ref(Local, id.split(':')[0] ?? '') },
  })
}

/** Beside a seat, which is beside a room. */
class Cup extends Counter {
  static override settings = settings<Cup>({
    placement: { near: (id, pool) => pool.ref(Seat, id) },
  })
}

/** Two that want to be beside each other. */
class Yin extends Counter {
  static override settings = settings<Yin>({
    placement: { near: (id, pool): AnyRef => pool.ref(Yang, id) },
  })
}
class Yang extends Counter {
  static override settings = settings<Yang>({
    placement: { near: (id, pool): AnyRef => pool.ref(Yin, id) },
  })
}

class Lost extends Counter {
  static override settings = settings<Lost>({
    placement: { near: () => undefined as unknown as Ref<Counter> },
  })
}

const entities = { Hash, Local, Spread, Model, Ghost, Seat, Cup, Yin, Yang, Lost }
type App = typeof entities
type Rig = PairRig<App>

async function rigOf(count: number, gpuAt?: number): Promise<Rig> {
  return await pairRig(entities, count, (index) => (index === gpuAt ? { labels: ['gpu'] } : {}))
}

function at(rig: Rig, index: number): Member<App> {
  const member = rig.members[index]
  assert.ok(member)
  return member
}

/** The members at which an entity is in memory, by their place in the rig. */
function hostsOf(rig: Rig, name: string): number[] {
  const [type = '', id = ''] = name.split('/')
  return rig.members.flatMap(({ node }, index) =>
    node.kernel.types.get(type)?.activations.has(id) === true ? [index] : [],
  )
}

async function settled<T>(rig: Rig, promise: Promise<T>): Promise<T> {
  let isOver = false
  const end = (): void => void (isOver = true)
  promise.then(end, end)
  await rig.until(() => isOver, 'the call ends')
  return await promise
}

describe('placement: local', () => {
  it('is where the first caller is, for all who call later too', async () => {
    const rig = await rigOf(3)
    const id = rig.idAt(at(rig, 0), 'Local')
    assert.equal(await settled(rig, at(rig, 1).pool.Local[id]!.add(1)), 1)
    assert.equal(await settled(rig, at(rig, 2).pool.Local[id]!.add(1)), 2)
    assert.equal(await settled(rig, at(rig, 0).pool.Local[id]!.add(1)), 3)
    assert.deepEqual(hostsOf(rig, `Local/${id}`), [1])
    rig.close()
  })

  it('is where the entity is that calls', async () => {
    const rig = await rigOf(2)
    const id = rig.idAt(at(rig, 0), 'Local')
    const caller = rig.idAt(at(rig, 1), 'Hash')
    const there = at(rig, 0).pool.Local[id]!
    assert.equal(await settled(rig, at(rig, 0).pool.Hash[caller]!.addTo(there, 5)), 5)
    assert.deepEqual(hostsOf(rig, `Local/${id}`), [1])
    rig.close()
  })

  it('is chosen anew, with its state, when the entity was put away', async () => {
    const rig = await rigOf(3)
    const id = rig.idAt(at(rig, 0), 'Local')
    await settled(rig, at(rig, 1).pool.Local[id]!.add(1))
    await rig.clock.advance(20_000)
    assert.deepEqual(hostsOf(rig, `Local/${id}`), [])
    assert.equal(await settled(rig, at(rig, 2).pool.Local[id]!.add(1)), 2)
    assert.deepEqual(hostsOf(rig, `Local/${id}`), [2])
    rig.close()
  })

  it('is chosen anew when the node was lost where it lived', async () => {
    const rig = await rigOf(3)
    const id = rig.idAt(at(rig, 0), 'Local')
    await settled(rig, at(rig, 1).pool.Local[id]!.add(1))
    at(rig, 1).cluster.kill()
    assert.equal(await settled(rig, at(rig, 2).pool.Local[id]!.add(1)), 2)
    assert.deepEqual(hostsOf(rig, `Local/${id}`), [1, 2], 'the dead one is still in its memory')
    rig.close()
  })

  it('keeps the order of calls that come before it is there', async () => {
    const rig = await rigOf(2)
    const id = rig.idAt(at(rig, 0), 'Local')
    const calls = Array.from({ length: 20 }, () => at(rig, 1).pool.Local[id]!.add(1))
    const expected = Array.from({ length: 20 }, (_, i) => i + 1)
    assert.deepEqual(await settled(rig, Promise.all(calls)), expected)
    rig.close()
  })

  it('keeps the order of calls that are made with every message, until it is there', async () => {
    const rig = await rigOf(2)
    const id = rig.idAt(at(rig, 0), 'Local')
    const { node, pool } = at(rig, 1)
    const calls = [pool.Local[id]!.add(1)]
    rig.network.filter = ({ to }) => {
      if (to === node.nodeId && calls.length < 40) calls.push(pool.Local[id]!.add(1))
      return true
    }
    await rig.until(() => calls.length === 40, 'all calls are made')
    const expected = Array.from({ length: 40 }, (_, i) => i + 1)
    assert.deepEqual(await settled(rig, Promise.all(calls)), expected)
    rig.close()
  })

  it('two callers at once: it begins in one place', async () => {
    const rig = await rigOf(3)
    const id = rig.idAt(at(rig, 0), 'Local')
    const calls = [1, 2, 0].map((index) => at(rig, index).pool.Local[id]!.add(1))
    const sums = await settled(rig, Promise.all(calls))
    assert.deepEqual(
      sums.toSorted((a, b) => a - b),
      [1, 2, 3],
    )
    assert.equal(hostsOf(rig, `Local/${id}`).length, 1)
    rig.close()
  })
})

describe('placement: load', () => {
  it('is at the nodes that have little to do', async () => {
    let now = 0
    const busy = (): number => (now += 900)
    const rig = await pairRig(entities, 3, (index) => (index === 0 ? { cpuMs: busy } : {}))
    await rig.clock.advance(10_000)
    for (let i = 0; i < 40; i += 1) await settled(rig, at(rig, 0).pool.Spread[i]!.add(1))
    const counts = rig.members.map(
      ({ node }) => node.kernel.types.get('Spread')?.activations.size ?? 0,
    )
    assert.equal(counts[0], 0)
    assert.ok((counts[1] ?? 0) > 5 && (counts[2] ?? 0) > 5, counts.join(' and '))
    rig.close()
  })
})

describe('placement: label', () => {
  it('is at a node that carries it, whoever owns and calls', async () => {
    const rig = await rigOf(3, 2)
    for (let i = 0; i < 20; i += 1) await settled(rig, at(rig, i % 3).pool.Model[i]!.add(1))
    for (let i = 0; i < 20; i += 1) assert.deepEqual(hostsOf(rig, `Model/${i}`), [2])
    rig.close()
  })

  it('waits for one when nobody carries it, says so once, and loses no call', async () => {
    const rig = await rigOf(2)
    const calls = [0, 1].map((i) => at(rig, i).pool.Model['m']!.add(1))
    await rig.clock.advance(1_000)
    const owner = rig.members.find(({ node }) => node.ports.router.isHome(node.refTo('Model', 'm')))
    const warned = owner?.log.filter(({ facts }) => facts['label'] === 'gpu') ?? []
    assert.equal(warned.length, 1)
    assert.match(warned[0]?.message ?? '', /no active node carries .* epic run --labels/)
    await rig.join({ labels: ['gpu'] })
    const sums = await settled(rig, Promise.all(calls))
    assert.deepEqual(
      sums.toSorted((a, b) => a - b),
      [1, 2],
    )
    assert.deepEqual(hostsOf(rig, 'Model/m'), [2])
    rig.close()
  })

  it('what is in memory only stays at its label when its partition goes to another node', async () => {
    const rig = await rigOf(1, 0)
    for (let i = 0; i < 20; i += 1) await settled(rig, at(rig, 0).pool.Ghost[i]!.add(1))
    await rig.join()
    await rig.clock.advance(3_000)
    for (let i = 0; i < 20; i += 1) {
      assert.equal(await settled(rig, at(rig, 1).pool.Ghost[i]!.add(1)), 2)
      assert.deepEqual(hostsOf(rig, `Ghost/${i}`), [0])
    }
    rig.close()
  })

  it('a node that drains gives what bears a label to another that carries it', async () => {
    const rig = await pairRig(entities, 3, (index) => (index > 0 ? { labels: ['gpu'] } : {}))
    for (let i = 0; i < 20; i += 1) await settled(rig, at(rig, 0).pool.Ghost[i]!.add(1))
    await settled(rig, at(rig, 1).cluster.drain())
    for (let i = 0; i < 20; i += 1) {
      assert.equal(await settled(rig, at(rig, 0).pool.Ghost[i]!.add(1)), 2)
      assert.deepEqual(hostsOf(rig, `Ghost/${i}`), [2])
    }
    rig.close()
  })
})

describe('placement: near', () => {
  it('is where the other entity lives', async () => {
    const rig = await rigOf(3)
    await settled(rig, at(rig, 1).pool.Local['room']!.add(1))
    for (let i = 0; i < 10; i += 1)
      await settled(rig, at(rig, i % 3).pool.Seat[`room:${i}`]!.add(1))
    for (let i = 0; i < 10; i += 1) assert.deepEqual(hostsOf(rig, `Seat/room:${i}`), [1])
    rig.close()
  })

  it('is where the other will begin, whoever is called first', async () => {
    const rig = await rigOf(3)
    for (let i = 0; i < 10; i += 1) {
      await settled(rig, at(rig, 0).pool.Seat[`r${i}:1`]!.add(1))
      await settled(rig, at(rig, 1).pool.Local[`r${i}`]!.add(1))
      assert.deepEqual(hostsOf(rig, `Seat/r${i}:1`), hostsOf(rig, `Local/r${i}`))
    }
    rig.close()
  })

  it('goes on to the neighbour’s neighbour', async () => {
    const rig = await rigOf(3)
    await settled(rig, at(rig, 1).pool.Local['room']!.add(1))
    for (let i = 0; i < 10; i += 1) {
      await settled(rig, at(rig, 2).pool.Cup[`room:${i}`]!.add(1))
      assert.deepEqual(hostsOf(rig, `Cup/room:${i}`), [1])
    }
    rig.close()
  })

  it('of two that want to be beside each other, both begin', async () => {
    const rig = await rigOf(3)
    for (let i = 0; i < 10; i += 1) {
      const calls = [at(rig, 0).pool.Yin[i]!.add(1), at(rig, 1).pool.Yang[i]!.add(1)]
      assert.deepEqual(await settled(rig, Promise.all(calls)), [1, 1])
    }
    rig.close()
  })

  it('a class whose function gives no ref fails its callers, and says why', async () => {
    const rig = await rigOf(2)
    const error = await settled(rig, at(rig, 0).pool.Lost['x']!.add(1)).catch((e: unknown) => e)
    assert.match(String(error), /Cannot place "Lost\/x": Lost.settings.placement.near gave no ref/)
    rig.close()
  })

  it('keeps the order of calls that come while the other is looked for', async () => {
    const rig = await rigOf(3)
    await settled(rig, at(rig, 1).pool.Local['room']!.add(1))
    const calls = Array.from({ length: 20 }, () => at(rig, 2).pool.Seat['room:1']!.add(1))
    const expected = Array.from({ length: 20 }, (_, i) => i + 1)
    assert.deepEqual(await settled(rig, Promise.all(calls)), expected)
    rig.close()
  })
})

describe('placement: what a class may say', () => {
  const refused: readonly (readonly [placement: unknown, why: RegExp])[] = [
    ['nearby', /must be one of "hash","local"|must be one of "hash", "local"/],
    [{ near: 'Room/1' }, /must be near a ref, or a function of the id that gives one/],
    [{ label: '' }, /must name one label, or what it is near/],
    [{ label: 'gpu', near: () => 1 }, /must name one label, or what it is near/],
    [{}, /must name one label, or what it is near/],
  ]
  for (const [placement, why] of refused) {
    it(`refuses ${JSON.stringify(placement)}`, () => {
      class Odd extends Entity {
        static override settings = settings<Odd>({ placement: placement as Placement })
      }
      assert.throws(() => rig({ Odd }), why)
    })
  }
})
