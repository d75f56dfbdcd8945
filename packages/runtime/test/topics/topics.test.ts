import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings } from '@epicserver/runtime'
import { quiet, rig } from '../rig.ts'

interface Chat {
  readonly from: string
  readonly text: string
  readonly loud?: boolean
}

class Person extends Entity {
  static override settings = settings<Person>({ operations: { hear: { oneWay: true } } })
  heard: string[] = []
  async join(room: string): Promise<void> {
    await this.topic<Chat>(room).subscribe('hear')
  }
  async joinLoud(room: string): Promise<void> {
    await this.topic<Chat>(room).subscribe('hear', (chat) => chat.loud.eq(true))
  }
  async joinTwice(room: string): Promise<void> {
    await this.topic<Chat>(room).subscribe('hear')
    await this.topic<Chat>(room).subscribe('count')
  }
  async joinWrongly(room: string): Promise<void> {
    await this.topic(room).subscribe('haer')
  }
  async leave(room: string): Promise<void> {
    await this.topic(room).unsubscribe()
  }
  async say(room: string, text: string, loud = false): Promise<void> {
    this.topic<Chat>(room).publish({ from: this.id, text, loud })
  }
  async sayAll(room: string, count: number): Promise<void> {
    for (let i = 0; i < count; i += 1)
      this.topic<Chat>(room).publish({ from: this.id, text: `${i}` })
  }
  async sayAndFail(room: string): Promise<void> {
    this.topic<Chat>(room).publish({ from: this.id, text: 'never' })
    throw new Error('changed my mind')
  }
  hear({ from, text }: Chat, topic: string): void {
    this.heard.push(`${topic} ${from}: ${text}`)
  }
  async count(): Promise<void> {
    this.heard.push('counted')
  }
  async fail(): Promise<void> {
    throw new Error('a mistake of mine')
  }
  async joinBadly(room: string): Promise<void> {
    await this.topic(room).subscribe('fail')
  }
  async goAway(): Promise<void> {
    await this.forget()
  }
  async all(): Promise<string[]> {
    return [...this.heard]
  }
}

class Careful extends Person {
  static override settings = settings<Careful>({
    autoCreate: false,
    operations: { hear: { oneWay: true }, sayAndFail: { atomic: true } },
  })
}

class Busy extends Entity {
  static override settings = settings<Busy>({
    mailboxMax: 4,
    operations: { hear: { oneWay: true } },
  })
  count = 0
  async join(room: string): Promise<void> {
    await this.topic(room).subscribe('hear')
  }
  hear(): void {
    this.count += 1
  }
  async seen(): Promise<number> {
    return this.count
  }
}

const entities = { Person, Careful, Busy }

describe('a topic', () => {
  it('tells everyone who is subscribed, with its name, and nobody else', async () => {
    const { pool } = rig(entities)
    for (const who of ['ann', 'bob']) await pool.Person[who]!.join('lobby')
    await pool.Person['eve']!.join('cellar')
    await pool.Person['cat']!.say('lobby', 'hello')
    await quiet()
    for (const who of ['ann', 'bob'])
      assert.deepEqual(await pool.Person[who]!.all(), ['lobby cat: hello'])
    assert.deepEqual(await pool.Person['eve']!.all(), [])
    assert.deepEqual(await pool.Person['cat']!.all(), [])
  })

  it('tells a publisher that is subscribed what it published itself', async () => {
    const { pool } = rig(entities)
    await pool.Person['ann']!.join('lobby')
    await pool.Person['ann']!.say('lobby', 'anyone?')
    await quiet()
    assert.deepEqual(await pool.Person['ann']!.all(), ['lobby ann: anyone?'])
  })

  it('can be published to from outside of entities', async () => {
    const { pool } = rig(entities)
    await pool.Person['ann']!.join('lobby')
    pool.topic<Chat>('lobby').publish({ from: 'the app', text: 'welcome' })
    await quiet()
    assert.deepEqual(await pool.Person['ann']!.all(), ['lobby the app: welcome'])
  })

  it('tells only what the filter lets through', async () => {
    const { pool } = rig(entities)
    await pool.Person['ann']!.joinLoud('lobby')
    await pool.Person['bob']!.say('lobby', 'psst')
    await pool.Person['bob']!.say('lobby', 'HEY', true)
    pool.topic('lobby').publish('no fields at all')
    await quiet()
    assert.deepEqual(await pool.Person['ann']!.all(), ['lobby bob: HEY'])
  })

  it('keeps the order of one publisher', async () => {
    const { pool } = rig(entities)
    await pool.Person['ann']!.join('lobby')
    await pool.Person['bob']!.sayAll('lobby', 500)
    await quiet()
    const expected = Array.from({ length: 500 }, (_, i) => `lobby bob: ${i}`)
    assert.deepEqual(await pool.Person['ann']!.all(), expected)
  })

  it('reports what a hearer throws, and goes on', async () => {
    const { node, log, pool } = rig(entities)
    await pool.Person['ann']!.joinBadly('lobby')
    await pool.Person['bob']!.join('lobby')
    await pool.Person['cat']!.say('lobby', 'hello')
    await quiet()
    assert.deepEqual(await pool.Person['bob']!.all(), ['lobby cat: hello'])
    const [line] = log.filter(({ level }) => level === 'error')
    assert.equal(line?.message, 'Person/ann.fail failed and nobody awaits it')
    assert.equal(node.topics.counts.lost, 0)
  })

  it('has one subscription for each entity: subscribing again replaces it', async () => {
    const { pool } = rig(entities)
    await pool.Person['ann']!.joinTwice('lobby')
    await pool.Person['bob']!.say('lobby', 'hello')
    await quiet()
    assert.deepEqual(await pool.Person['ann']!.all(), ['counted'])
  })

  it('says nothing more to who has left', async () => {
    const { pool } = rig(entities)
    await pool.Person['ann']!.join('lobby')
    await pool.Person['ann']!.leave('lobby')
    await pool.Person['ann']!.leave('lobby')
    await pool.Person['bob']!.say('lobby', 'hello')
    await quiet()
    assert.deepEqual(await pool.Person['ann']!.all(), [])
  })

  it('refuses an operation that is not there, at once and by name', async () => {
    const { pool } = rig(entities)
    await assert.rejects(pool.Person['ann']!.joinWrongly('lobby'), {
      code: 'UnknownOperation',
      message: 'Cannot subscribe to "lobby": Person has no operation haer; did you mean hear?',
    })
  })

  it('remembers who is subscribed when the node starts again, and wakes them', async () => {
    const before = rig(entities)
    for (const who of ['ann', 'bob']) await before.pool.Person[who]!.join('lobby')
    await before.pool.Person['bob']!.leave('lobby')
    before.node.close()
    const after = rig(entities, { disk: before.disk, epoch: 2 })
    after.pool.topic<Chat>('lobby').publish({ from: 'the app', text: 'back again' })
    await quiet()
    assert.deepEqual(await after.pool.Person['ann']!.all(), ['lobby the app: back again'])
    assert.deepEqual(await after.pool.Person['bob']!.all(), [])
  })

  it('wakes a subscriber that was put away', async () => {
    const { node, pool } = rig(entities)
    await pool.Person['ann']!.join('lobby')
    node.kernel.putAllAway('idle')
    node.scheduleDrain()
    await quiet()
    assert.ok(node.kernel.isEmpty)
    pool.topic<Chat>('lobby').publish({ from: 'the app', text: 'wake up' })
    await quiet()
    assert.deepEqual(await pool.Person['ann']!.all(), ['lobby the app: wake up'])
  })

  it('says nothing of an atomic operation that threw', async () => {
    const { pool } = rig(entities)
    await pool.create(Careful, 'cat')
    await pool.Person['ann']!.join('lobby')
    await assert.rejects(pool.Careful['cat']!.sayAndFail('lobby'), /changed my mind/)
    await quiet()
    assert.deepEqual(await pool.Person['ann']!.all(), [])
  })

  it('forgets a subscriber that is not there any more', async () => {
    const { node, pool } = rig(entities)
    await pool.create(Careful, 'cat')
    await pool.Careful['cat']!.join('lobby')
    await pool.Careful['cat']!.goAway()
    const publish = async (): Promise<number> => {
      pool.topic<Chat>('lobby').publish({ from: 'the app', text: 'cat?' })
      await quiet()
      return node.topics.counts.delivered
    }
    assert.deepEqual([await publish(), await publish()], [1, 1])
  })

  it('loses what a hearer cannot take, counts it, and reaches the others', async () => {
    const { node, pool } = rig(entities)
    await pool.Busy['slow']!.join('lobby')
    await pool.Person['ann']!.join('lobby')
    await pool.Person['bob']!.sayAll('lobby', 50)
    await quiet()
    assert.equal((await pool.Person['ann']!.all()).length, 50)
    const heard = await pool.Busy['slow']!.seen()
    const { delivered, lost } = node.topics.counts
    assert.equal(delivered, 100)
    assert.equal(heard + lost, 50)
  })

  it('may be called anything that an entity may', async () => {
    const { pool } = rig(entities)
    for (const name of ['__proto__', 'a/b', '😀', ' ']) await pool.Person['ann']!.join(name)
    for (const name of ['__proto__', 'a/b', '😀', ' ']) await pool.Person['bob']!.say(name, 'hi')
    await quiet()
    assert.equal((await pool.Person['ann']!.all()).length, 4)
    await assert.rejects(pool.Person['ann']!.join(''), { code: 'InvalidId' })
  })

  it('is no class of the app, and no class of an app is one', () => {
    const { node, pool } = rig(entities)
    assert.deepEqual(node.typeNames, ['Person', 'Careful', 'Busy'])
    assert.ok(!Object.keys(pool).includes('$Topic'))
    assert.throws(() => rig({ $Topic: Person }), { code: 'AppInvalid' })
  })
})
