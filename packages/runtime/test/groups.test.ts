/** Entities that live beside another, and go with it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type AnyRef, type Ref } from '@epicserver/runtime'
import { pairRig, type JoinOptions, type Member, type PairRig } from './pair-rig.ts'

class Room extends Entity {
  static override settings = settings<Room>({ persistent: false })
  heard = 0
  async hear(): Promise<number> {
    this.heard += 1
    return this.heard
  }
}

class Seat extends Entity {
  static override settings = settings<Seat>({
    persistent: false,
    placement: { near: (id, pool) => pool.ref(Room, id.split(':')[0] ?? '') },
  })
  count = 0
  async add(n: number): Promise<number> {
    this.count += n
    return this.count
  }
  async talkTo(there: Ref<Room>, times: number): Promise<void> {
    await Promise.all(Array.from({ length: times }, () => there.hear()))
  }
}

class Cup extends Entity {
  static override settings = settings<Cup>({
    persistent: false,
    placement: { near: (id, pool) => pool.ref(Seat, id) },
  })
  count = 0
  async add(n: number): Promise<number> {
    this.count += n
    return this.count
  }
}

class Yin extends Cup {
  static override settings = settings<Yin>({
    persistent: false,
    placement: { near: (id, pool): AnyRef => pool.ref(Yang, id) },
  })
}
class Yang extends Cup {
  static override settings = settings<Yang>({
    persistent: false,
    placement: { near: (id, pool): AnyRef => pool.ref(Yin, id) },
  })
}

const entities = { Room, Seat, Cup, Yin, Yang }
type App = typeof entities
type Rig = PairRig<App>

const QUICK: JoinOptions = { balance: { everyMs: 1_000 } }

function at(rig: Rig, index: number): Member<App> {
  const member = rig.members[index]
  assert.ok(member)
  return member
}

/** Where entities are in memory, each by its member's place in the rig. */
function hostsOf(rig: Rig, ...names: readonly string[]): number[] {
  return names.map((name) => {
    const [type = '', id = ''] = name.split('/')
    return rig.members.findIndex(
      ({ node }) => node.kernel.types.get(type)?.activations.get(id)?.state === 'active',
    )
  })
}

/** A room at home at the first member, with two seats and a cup. */
async function roomOf(rig: Rig): Promise<{ id: string; group: string[] }> {
  const id = rig.idAt(at(rig, 0), 'Room')
  const { pool } = at(rig, 0)
  const calls = [
    pool.Room[id]!.hear(),
    pool.Seat[`${id}:1`]!.add(1),
    pool.Seat[`${id}:2`]!.add(1),
    pool.Cup[`${id}:1`]!.add(1),
  ]
  await settled(rig, Promise.all(calls))
  const group = [`Room/${id}`, `Seat/${id}:1`, `Seat/${id}:2`, `Cup/${id}:1`]
  assert.deepEqual(hostsOf(rig, ...group), [0, 0, 0, 0])
  return { id, group }
}

async function settled<T>(rig: Rig, promise: Promise<T>): Promise<T> {
  let isOver = false
  const end = (): void => void (isOver = true)
  promise.then(end, end)
  await rig.until(() => isOver, 'it ends')
  return await promise
}

describe('groups: entities near another', () => {
  it('follow it when it is moved, with their state, and those near them too', async () => {
    const rig = await pairRig(entities, 2)
    const { id, group } = await roomOf(rig)
    const to = at(rig, 1).node.nodeId
    await settled(rig, at(rig, 0).cluster.move({ type: 'Room', id }, to))
    await rig.until(() => hostsOf(rig, ...group).every((host) => host === 1), 'all have followed')
    assert.equal(await settled(rig, at(rig, 0).pool.Seat[`${id}:2`]!.add(1)), 2)
    assert.equal(await settled(rig, at(rig, 0).pool.Cup[`${id}:1`]!.add(1)), 2)
    rig.close()
  })

  it('go together to where one of them talks, also those that are silent', async () => {
    const rig = await pairRig(entities, 2, () => QUICK)
    const { id, group } = await roomOf(rig)
    const there = at(rig, 0).pool.Room[rig.idAt(at(rig, 1), 'Room')]!
    const isTogether = (): boolean => new Set(hostsOf(rig, ...group, there.toString())).size === 1
    for (let i = 0; i < 15 && !isTogether(); i += 1) {
      await settled(rig, at(rig, 0).pool.Seat[`${id}:1`]!.talkTo(there, 400))
      await rig.clock.advance(1_000)
    }
    assert.ok(isTogether(), hostsOf(rig, ...group, there.toString()).join(' '))
    rig.close()
  })

  it('go together from a node that drains, with their state', async () => {
    const rig = await pairRig(entities, 3)
    const { id, group } = await roomOf(rig)
    await settled(rig, at(rig, 0).cluster.drain())
    const hosts = hostsOf(rig, ...group)
    assert.equal(new Set(hosts).size, 1, hosts.join(' '))
    assert.notEqual(hosts[0], 0)
    assert.equal(await settled(rig, at(rig, 1).pool.Seat[`${id}:1`]!.add(1)), 2)
    rig.close()
  })

  it('of two that are near each other, both leave a node that drains', async () => {
    const rig = await pairRig(entities, 2)
    const ids = Array.from({ length: 10 }, (_, i) => `y${i}`)
    for (const id of ids)
      await settled(
        rig,
        Promise.all([at(rig, 0).pool.Yin[id]!.add(1), at(rig, 0).pool.Yang[id]!.add(1)]),
      )
    await settled(rig, at(rig, 0).cluster.drain())
    const names = ids.flatMap((id) => [`Yin/${id}`, `Yang/${id}`])
    assert.deepEqual(new Set(hostsOf(rig, ...names)), new Set([1]))
    rig.close()
  })
})
