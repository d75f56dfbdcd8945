/** Topics over real nodes that are joined by a network in memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings } from '@epicserver/runtime'
import { pairRig, type Member, type PairRig } from '../pair-rig.ts'
import { quiet } from '../rig.ts'

class Person extends Entity {
  static override settings = settings<Person>({ operations: { hear: { oneWay: true } } })
  heard: string[] = []
  async join(room: string): Promise<void> {
    await this.topic(room).subscribe('hear')
  }
  async sayAll(room: string, from: number, to: number): Promise<void> {
    for (let i = from; i < to; i += 1) this.topic(room).publish(`${i}`)
  }
  hear(text: string): void {
    this.heard.push(text)
  }
  async all(): Promise<string[]> {
    return [...this.heard]
  }
}

const entities = { Person }
type App = typeof entities
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => String(from + i))

/** A message goes from publisher to topic to home to hearer, each time in a later turn. */
async function settled(): Promise<void> {
  for (let hop = 0; hop < 4; hop += 1) await quiet()
}

/** The node that is home to a topic, and another. */
function homesOf(cluster: PairRig<App>, topic: string): [Member<App>, Member<App>] {
  const isHome = ({ node }: Member<App>): boolean =>
    node.ports.router.isHome(node.refTo('$Topic', topic))
  const home = cluster.members.find(isHome) as Member<App>
  return [home, cluster.members.find((member) => member !== home) as Member<App>]
}

/** Counts the messages of topics that reach a node, with the hearers that each names. */
function messagesTo({ node }: Member<App>): number[] {
  const seen: number[] = []
  const handle = node.requests.get('topic')
  node.requests.set('topic', (from, args) => {
    const groups = args[2] as [string, unknown[]][]
    seen.push(groups.reduce((sum, [, hearers]) => sum + hearers.length, 0))
    return handle?.(from, args)
  })
  return seen
}

async function people(
  cluster: PairRig<App>,
  member: Member<App>,
  { count = 1, room = 'lobby' } = {},
): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => cluster.idAt(member, 'Person', n))
  await Promise.all(ids.map((id) => member.pool.Person[id]!.join(room)))
  return ids
}

async function heardBy(member: Member<App>, id: string): Promise<string[]> {
  return (await member.pool.Person[id]?.all()) ?? []
}

/** What one has heard, when it has heard so much. */
async function heardOf(
  cluster: PairRig<App>,
  asker: Member<App>,
  id: string,
  count: number,
): Promise<string[]> {
  let heard: string[] = []
  const look = (): void => void heardBy(asker, id).then((all) => (heard = all))
  await cluster.until(() => (look(), heard.length >= count), `${count} messages are heard`)
  return heard
}

describe('a topic in a cluster', () => {
  it('sends one message to each node, whatever the number of hearers there', async () => {
    const cluster = await pairRig(entities, 3)
    const ids: [Member<App>, string[]][] = []
    for (const member of cluster.members)
      ids.push([member, await people(cluster, member, { count: 20 })])
    const [home] = homesOf(cluster, 'lobby')
    const seen = cluster.members.map(messagesTo)
    home.pool.topic('lobby').publish('hello')
    await settled()
    const expected = cluster.members.map((member) => (member === home ? [] : [20]))
    assert.deepEqual(seen, expected)
    for (const [member, group] of ids)
      for (const id of group) assert.deepEqual(await heardBy(member, id), ['hello'])
    cluster.close()
  })

  it('sends nothing to a node without hearers', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    await people(cluster, home)
    const seen = messagesTo(other)
    other.pool.topic('lobby').publish('hello')
    await settled()
    assert.deepEqual(seen, [])
    cluster.close()
  })

  it('keeps the order of a publisher, wherever it, the topic and the hearer are', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    for (const [publisher, hearer] of [
      [home, home],
      [home, other],
      [other, home],
      [other, other],
    ] as const) {
      const room = 'lobby'
      const [id = ''] = await people(cluster, hearer)
      const before = (await heardBy(hearer, id)).length
      const speaker = cluster.idAt(publisher, 'Person', 5)
      await publisher.pool.Person[speaker]?.sayAll(room, 0, 300)
      await settled()
      assert.deepEqual((await heardBy(hearer, id)).slice(before), numbers(0, 300))
    }
    cluster.close()
  })

  it('reaches a hearer that has moved', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    const [id = ''] = await people(cluster, home)
    const moved = home.cluster.move({ type: 'Person', id }, other.node.nodeId)
    let outcome: unknown
    void moved.then((one) => (outcome = one))
    await cluster.until(() => outcome !== undefined, 'the hearer moves')
    home.pool.topic('lobby').publish('over there')
    await settled()
    assert.deepEqual(await heardBy(other, id), ['over there'])
    cluster.close()
  })

  it('moves with those who are subscribed', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    const [near = ''] = await people(cluster, home)
    const [far = ''] = await people(cluster, other)
    let outcome: unknown
    void home.cluster
      .move({ type: '$Topic', id: 'lobby' }, other.node.nodeId)
      .then((one) => (outcome = one))
    await cluster.until(() => outcome !== undefined, 'the topic moves')
    assert.ok(other.node.isActive(other.node.refTo('$Topic', 'lobby')))
    home.pool.topic('lobby').publish('from the old place')
    await settled()
    other.pool.topic('lobby').publish('from the new place')
    await settled()
    const expected = ['from the old place', 'from the new place']
    assert.deepEqual(await heardBy(home, near), expected)
    assert.deepEqual(await heardBy(other, far), expected)
    cluster.close()
  })

  it('is there again after its node has crashed, with all who are subscribed', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    const there = await people(cluster, home, { count: 5 })
    const here = await people(cluster, other, { count: 5 })
    home.cluster.kill()
    const lobby = other.node.refTo('$Topic', 'lobby')
    await cluster.until(() => other.node.ports.router.isHome(lobby), 'the other takes over')
    other.pool.topic('lobby').publish('still here')
    await settled()
    for (const id of [...there, ...here])
      assert.deepEqual(await heardBy(other, id), ['still here'], id)
    cluster.close()
  })

  it('loses what is for a node that cannot be reached, counts it, and reaches the others', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    const [near = ''] = await people(cluster, home)
    await people(cluster, other, { count: 3 })
    cluster.network.filter = ({ to }) => to !== other.node.nodeId
    const cut = (): void => cluster.network.cut(other.node.nodeId)
    cut()
    home.pool.topic('lobby').publish('hello')
    await settled()
    assert.deepEqual(await heardBy(home, near), ['hello'])
    await cluster.until(() => (cut(), home.node.topics.counts.lost > 0), 'it is given up')
    assert.equal(home.node.topics.counts.lost, 3)
    cluster.close()
  })

  it('keeps what is for a node whose link has broken until another one stands', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    const [id = ''] = await people(cluster, other)
    cluster.network.cut(other.node.nodeId)
    for (const text of numbers(0, 20)) home.pool.topic('lobby').publish(text)
    const heard = await heardOf(cluster, other, id, 20)
    assert.deepEqual(heard, numbers(0, 20))
    assert.equal(home.node.topics.counts.lost, 0)
    cluster.close()
  })

  it('loses nothing, doubles nothing and keeps order while links are replaced', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    const [near = ''] = await people(cluster, home)
    const [far = ''] = await people(cluster, other)
    for (let i = 0; i < 400; i += 1) {
      if (i === 50) cluster.network.exchangeSecret('second')
      home.pool.topic('lobby').publish(`${i}`)
      await new Promise(setImmediate)
      if (i % 8 === 0) await cluster.clock.advance(1)
    }
    assert.deepEqual(await heardOf(cluster, other, far, 400), numbers(0, 400))
    assert.deepEqual(await heardBy(home, near), numbers(0, 400))
    assert.equal(home.node.topics.counts.lost, 0)
    cluster.close()
  })

  it('loses nothing while a node with hearers leaves in good order', async () => {
    const cluster = await pairRig(entities, 3)
    const [home, leaver] = homesOf(cluster, 'lobby')
    const ids = await people(cluster, leaver, { count: 3 })
    let [hasLeft, count] = [false, 0]
    for (; count < 20 || !hasLeft; count += 1) {
      if (count === 20) void leaver.cluster.stop().then(() => (hasLeft = true))
      home.pool.topic('lobby').publish(`${count}`)
      await new Promise(setImmediate)
      if (count % 4 === 0) await cluster.clock.advance(1)
    }
    for (const id of ids)
      assert.deepEqual(await heardOf(cluster, home, id, count), numbers(0, count))
    assert.equal(home.node.topics.counts.lost, 0)
    cluster.close()
  })

  it('loses what is for a node that is too slow, instead of gathering it', async () => {
    const cluster = await pairRig(entities)
    const [home, other] = homesOf(cluster, 'lobby')
    await people(cluster, other, { count: 3 })
    cluster.network.backlogBytes = 100 * 1024 * 1024
    home.pool.topic('lobby').publish('hello')
    await settled()
    assert.equal(home.node.topics.counts.lost, 3)
    cluster.close()
  })

  it('does nothing with what is no message of a topic', async () => {
    const cluster = await pairRig(entities)
    const [home] = homesOf(cluster, 'lobby')
    const handle = home.node.requests.get('topic')
    const ref = home.node.refTo('Person', 'ann')
    for (const args of [
      [],
      [1, 'x', []],
      ['lobby', 'x', 'hear'],
      ['lobby', 'x', [['hear', 'ann']]],
      ['lobby', 'x', [['hear', [{}]]]],
      ['lobby', 'x', [[7, [ref]]]],
    ])
      handle?.('n9', args)
    for (const operation of ['constructor', '__proto__', 'onActivate', 'topic'])
      handle?.('n9', ['lobby', 'x', [[operation, [ref]]]])
    await settled()
    assert.deepEqual(home.node.topics.counts, { spread: 0, delivered: 0, lost: 0 })
    cluster.close()
  })
})
