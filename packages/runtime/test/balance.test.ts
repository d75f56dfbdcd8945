/** Entities that go where they should be: off a node that has too much to do, and to those with whom they talk. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import type { Foresight } from '#src/placement/foresight.ts'
import { pairRig, type JoinOptions, type Member, type PairRig } from './pair-rig.ts'

/** A fifth of the usual pace, so that little time has to pass. */
const QUICK: JoinOptions = { balance: { everyMs: 1_000 } }

class Talker extends Entity {
  static override settings = settings<Talker>({ persistent: false })
  heard = 0
  async hear(): Promise<number> {
    this.heard += 1
    return this.heard
  }
  async chat(there: Ref<Talker>, times: number): Promise<void> {
    await Promise.all(Array.from({ length: times }, () => there.hear()))
  }
}

class Model extends Talker {
  static override settings = settings<Model>({ persistent: false, placement: { label: 'gpu' } })
}

class Worker extends Entity {
  static override settings = settings<Worker>({ persistent: false })
  async work(): Promise<void> {}
}

const entities = { Talker, Model, Worker }
type App = typeof entities
type Rig = PairRig<App>

function at(rig: Rig, index: number): Member<App> {
  const member = rig.members[index]
  assert.ok(member)
  return member
}

/** The member at which an entity is in memory, by its place in the rig. */
function hostOf(rig: Rig, type: keyof App, id: string): number {
  return rig.members.findIndex(
    ({ node }) => node.kernel.types.get(type)?.activations.get(id)?.state === 'active',
  )
}

function movesOf(rig: Rig): { forTalk: number; forLoad: number } {
  const states = rig.members.map(({ cluster }) => cluster.balance)
  return {
    forTalk: states.reduce((sum, { movedForTalk }) => sum + movedForTalk, 0),
    forLoad: states.reduce((sum, { movedForLoad }) => sum + movedForLoad, 0),
  }
}

/** What each node says of itself. */
function foreseen(rig: Rig): Foresight[] {
  return rig.members.map(({ cluster }) => cluster.foresee())
}

/** Lets seconds pass, in each of which something is done; until something holds, if it is said what. */
async function seconds(
  rig: Rig,
  count: number,
  act: () => Promise<unknown>,
  isDone: () => boolean = () => false,
): Promise<void> {
  for (let i = 0; i < count && !isDone(); i += 1) {
    await act()
    await rig.clock.advance(1_000)
  }
}

/** Two talkers at home at different nodes, the first of which calls the second so many times a second. */
async function pair(
  rate: number,
  optionsOf: (index: number) => JoinOptions = () => QUICK,
): Promise<{ rig: Rig; chat: () => Promise<void>; hosts: () => number[] }> {
  const rig = await pairRig(entities, 2, optionsOf)
  const [one, other] = [rig.idAt(at(rig, 0), 'Talker'), rig.idAt(at(rig, 1), 'Talker')]
  const { pool } = at(rig, 0)
  return {
    rig,
    chat: () => pool.Talker[one]!.chat(pool.Talker[other]!, rate),
    hosts: () => [one, other].map((id) => hostOf(rig, 'Talker', id)),
  }
}

describe('balance: who talk with each other', () => {
  it('come together, lose nothing, and then stay', async () => {
    const { rig, chat, hosts } = await pair(400)
    await chat()
    assert.deepEqual(hosts(), [0, 1])
    const isTogether = (): boolean => hosts()[0] === hosts()[1]
    await seconds(rig, 12, chat, isTogether)
    assert.ok(isTogether(), `they live at ${hosts().join(' and ')}`)
    await seconds(rig, 10, chat)
    assert.deepEqual(movesOf(rig), { forTalk: 1, forLoad: 0 })
    const lines = rig.members
      .flatMap(({ log }) => log)
      .filter(({ message }) => message.endsWith('talk'))
    assert.deepEqual(
      lines.map(({ level, facts }) => [level, facts['moved'], facts['stayed']]),
      [['info', 1, 0]],
    )
    rig.close()
  })

  it('are foreseen to come together, in the round in which they do', async () => {
    const { rig, chat, hosts } = await pair(400)
    await seconds(rig, 4, chat, () => foreseen(rig).some(({ why }) => why === 'talk'))
    const [before] = foreseen(rig)
      .filter(({ why }) => why === 'talk')
      .toSorted((a, b) => a.inMs - b.inMs)
    assert.ok(before)
    const there = rig.members.findIndex(({ node }) => node.nodeId === before.heaviest[0]?.to)
    assert.deepEqual([before.why, before.count, before.heaviest.length], ['talk', 1, 1])
    const startedAt = rig.clock.monotonicMs()
    await seconds(rig, 12, chat, () => hosts().every((host) => host === there))
    assert.deepEqual(hosts(), [there, there])
    const tookMs = rig.clock.monotonicMs() - startedAt
    assert.ok(tookMs >= before.inMs && tookMs <= before.inMs + 2_000, `${tookMs} ms`)
    rig.close()
  })

  it('stay where they are when they hardly talk', async () => {
    const { rig, chat, hosts } = await pair(20)
    await seconds(rig, 12, chat)
    assert.deepEqual(hosts(), [0, 1])
    rig.close()
  })

  it('stay where they are when it is switched off', async () => {
    const { rig, chat, hosts } = await pair(400, () => ({ balance: { everyMs: 0 } }))
    await seconds(rig, 10, chat)
    assert.deepEqual(hosts(), [0, 1])
    assert.deepEqual(
      foreseen(rig).map(({ why }) => why),
      ['off', 'off'],
    )
    rig.close()
  })

  it('come to the one that asks for a label, which stays', async () => {
    const rig = await pairRig(entities, 2, (index) => ({
      ...QUICK,
      labels: index === 1 ? ['gpu'] : [],
    }))
    const one = rig.idAt(at(rig, 0), 'Talker')
    const { pool } = at(rig, 0)
    const chat = (): Promise<void> => pool.Model['m']!.chat(pool.Talker[one]!, 400)
    await seconds(rig, 12, chat, () => hostOf(rig, 'Talker', one) === 1)
    assert.deepEqual([hostOf(rig, 'Talker', one), hostOf(rig, 'Model', 'm')], [1, 1])
    rig.close()
  })
})

describe('balance: load', () => {
  /** Each worker takes an eighth of a core, wherever it is. */
  async function workers(count: number): Promise<{ rig: Rig; step: () => Promise<void> }> {
    const used = [0, 0]
    const rig = await pairRig(entities, 2, (index) => ({
      ...QUICK,
      cpuMs: () => used[index] ?? 0,
    }))
    const ids = Array.from({ length: count }, (_, i) => rig.idAt(at(rig, 0), 'Worker', i))
    const step = async (): Promise<void> => {
      for (const id of ids) {
        await at(rig, 0).pool.Worker[id]!.work()
        const host = hostOf(rig, 'Worker', id)
        used[host] = (used[host] ?? 0) + 125
        await rig.clock.advance(1_000 / count)
      }
    }
    return { rig, step }
  }

  const countAt = (rig: Rig, index: number): number =>
    at(rig, index).node.kernel.types.get('Worker')?.activations.size ?? 0

  it('evens out, and then nothing moves any more', async () => {
    const { rig, step } = await workers(8)
    await step()
    assert.deepEqual([countAt(rig, 0), countAt(rig, 1)], [8, 0])
    for (let i = 0; i < 20 && countAt(rig, 1) < 3; i += 1) await step()
    for (let i = 0; i < 10; i += 1) await step()
    const counts = [countAt(rig, 0), countAt(rig, 1)]
    assert.ok(Math.min(...counts) >= 3, `${counts.join(' and ')} of 8`)
    const { forLoad } = movesOf(rig)
    for (let i = 0; i < 10; i += 1) await step()
    assert.equal(movesOf(rig).forLoad, forLoad)
    rig.close()
  })

  it('is foreseen with the names of those that go', async () => {
    const { rig, step } = await workers(8)
    const isForeseen = (): boolean => foreseen(rig)[0]?.why === 'load'
    for (let i = 0; i < 10 && !isForeseen(); i += 1) await step()
    const [busy, idle] = foreseen(rig)
    assert.ok(busy && idle)
    assert.deepEqual([busy.why, idle.why], ['load', 'settled'])
    assert.equal(busy.heaviest.length, busy.count)
    for (const { entity, to, load } of busy.heaviest) {
      assert.match(entity, /^Worker\/e\d+$/)
      assert.equal(to, at(rig, 1).node.nodeId)
      assert.ok(load.cpu > 0.05 && load.cpu < 0.25, `${load.cpu} of a core`)
    }
    const isGone = (): boolean =>
      busy.heaviest.every(
        ({ entity }) => hostOf(rig, 'Worker', entity.slice('Worker/'.length)) === 1,
      )
    for (let i = 0; i < 3 && !isGone(); i += 1) await step()
    assert.ok(isGone(), 'those that were named are gone')
    rig.close()
  })

  it('that leaves a node well is nobody’s business', async () => {
    const { rig, step } = await workers(2)
    for (let i = 0; i < 12; i += 1) await step()
    assert.deepEqual([countAt(rig, 0), countAt(rig, 1)], [2, 0])
    rig.close()
  })
})
