/** Each kind of thing that comes out of an entity, expected and answered. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { ExpectationFailed, ref, script } from '@epicserver/testkit'

class Audit extends Entity {
  static override settings = settings<Audit>({ operations: { note: { oneWay: true } } })
  note(_text: string): void {}
}

class Shop extends Entity {
  static override settings = settings<Shop>({ operations: { buyOnce: { idempotent: true } } })
  async buy(_what: string, _price: number): Promise<number> {
    return 0
  }
  async buyOnce(_what: string): Promise<number> {
    return 0
  }
}

class Hero extends Entity {
  static override settings = settings<Hero>({
    version: 2,
    upgrade: (state, from) => ({ ...state, gold: Number(state['gold']) * 100 + from }),
    transient: ['mood'],
    operations: { hear: { oneWay: true } },
  })
  gold = 0
  mood = 'calm'
  friends: Ref<Hero>[] = []
  heard: string[] = []

  async buy(shop: Ref<Shop>, what: string): Promise<number> {
    const rest = await shop.buy(what, this.gold)
    this.gold = rest
    return rest
  }
  async buyBoth(shop: Ref<Shop>): Promise<number[]> {
    return Promise.all([shop.buy('sword', 1), shop.buy('shield', 2)])
  }
  async buyOnce(shop: Ref<Shop>): Promise<number> {
    return shop.buyOnce('sword')
  }
  async earn(gold: number): Promise<void> {
    this.gold += gold
    this.ref(Audit, 'all').note(`${this.id} has ${this.gold}`)
  }
  async rest(ms: number): Promise<string> {
    await this.sleep(ms)
    this.mood = 'rested'
    return this.mood
  }
  async read(path: string): Promise<string> {
    return this.files.readText(path)
  }
  async wakeIn(ms: number): Promise<void> {
    this.timer.once('wake', 'earn', ms, [5])
  }
  async find(): Promise<void> {
    this.gold += 1
  }
  async salary(): Promise<void> {
    this.task.set('salary', { operation: 'earn', everyMs: 60_000, args: [10] })
  }
  async fail(code: string): Promise<void> {
    throw new RangeError(`out of ${code}`)
  }
  hear(text: string): void {
    this.heard.push(text)
    this.log.info('heard something', { text })
  }
  async who(): Promise<Ref<Hero>[]> {
    return [this.ref(Hero, this.id), ...this.friends]
  }
  async time(): Promise<number> {
    return this.now()
  }
  async retire(): Promise<void> {
    await this.forget()
  }
  async onActivate(): Promise<void> {
    if (this.gold < 0) throw new RangeError('a hero without money')
  }
  async onDeactivate(reason: string): Promise<void> {
    this.heard.push(`bye: ${reason}`)
  }
}

const shop = ref(Shop, 'corner')
const audit = ref(Audit, 'all')

describe('script: calls', () => {
  it('arguments are compared where they are given, and the reply comes back', async () => {
    const hero = script(Hero, 'bob', { state: { gold: 7 }, stateVersion: 2 })
    const turn = hero.call('buy', shop, 'sword')
    await turn.expectCall(shop, 'buy', 'sword', 7).reply(4)
    await turn.expectReply(4)
    assert.equal(hero.state.gold, 4)
  })

  it('several that are under way at once are answered in any order', async () => {
    const turn = script(Hero, 'bob').call('buyBoth', shop)
    const sword = turn.expectCall(shop, 'buy', 'sword', 1)
    assert.deepEqual((await sword.received()).args, ['sword', 1])
    await turn.expectCall(shop, 'buy', 'shield', 2).reply(20)
    await turn.expectNothing()
  })

  it('one that was received can be answered later', async () => {
    const turn = script(Hero, 'bob').call('buyBoth', shop)
    const sword = await turn.expectCall(shop, 'buy', 'sword', 1).received()
    await turn.expectCall(shop, 'buy', 'shield', 2).reply(20)
    await sword.reply(10)
    await turn.expectReply([10, 20])
  })

  it('an error that the operation throws reaches the entity', async () => {
    const hero = script(Hero, 'bob')
    const turn = hero.call('buy', shop, 'sword')
    await turn.expectCall(shop, 'buy').fail(new TypeError('sold out'))
    await turn.expectError(/sold out/)
    assert.equal(hero.state.gold, 0)
  })

  it('an idempotent call whose node is lost comes out once more', async () => {
    const turn = script(Hero, 'bob').call('buyOnce', shop)
    await turn.expectCall(shop, 'buyOnce', 'sword').fail(new EpicError('NodeLost', 'gone'))
    await turn.expectCall(shop, 'buyOnce', 'sword').reply(3)
    await turn.expectReply(3)
  })

  it('one without an answer ends at its deadline', async () => {
    const hero = script(Hero, 'bob')
    const turn = hero.call('buy', shop, 'sword')
    await turn.expectCall(shop, 'buy').received()
    await hero.advance(31_000)
    await turn.expectError('Timeout')
  })

  it('refs that cross are those of the entity: same id, same object', async () => {
    const eve = ref(Hero, 'eve')
    const hero = script(Hero, 'bob', { state: { friends: [eve] }, stateVersion: 2 })
    const names = (await hero.call('who').reply()).map((each) => String(each))
    assert.deepEqual(names, ['Hero/bob', 'Hero/eve'])
  })
})

describe('script: messages and outcomes', () => {
  it('a one-way message is expected before the reply that comes after it', async () => {
    const turn = script(Hero, 'bob').call('earn', 3)
    await turn.expectMessage(audit, 'note', 'bob has 3')
    await turn.expectReply(undefined)
  })

  it('a one-way call ends without a result', async () => {
    const hero = script(Hero, 'bob')
    await hero.call('hear', 'a noise').expectReply(undefined)
    assert.deepEqual(hero.state.heard, ['a noise'])
    hero.expectLog('info', 'heard something')
  })

  it('errors are told by class, by message, or by a function', async () => {
    const hero = script(Hero, 'bob')
    await hero.call('fail', 'range').expectError(RangeError)
    await hero.call('fail', 'range').expectError(/out of range/)
    await hero.call('fail', 'range').expectError((error) => error instanceof RangeError)
  })
})

describe('script: state', () => {
  it('what is saved is what the fields hold, less the transient ones', async () => {
    const hero = script(Hero, 'bob')
    const turn = hero.call('earn', 3)
    assert.deepEqual(await hero.expectSave({ gold: 3 }).done(), { gold: 3, friends: [], heard: [] })
    await turn.expectMessage(audit, 'note')
    await turn.expectReply(undefined)
  })

  it('nothing leaves before a held save is done', async () => {
    const hero = script(Hero, 'bob', { saves: 'held' })
    const turn = hero.call('earn', 3)
    await turn.expectNothing()
    await hero.expectSave({ gold: 3 }).done()
    await turn.expectMessage(audit, 'note')
    await turn.expectReply(undefined)
  })

  it('a save that fails drops what it would have revealed, and the entity is loaded again', async () => {
    const hero = script(Hero, 'bob', { saves: 'held', state: { gold: 1 }, stateVersion: 2 })
    const turn = hero.call('earn', 3)
    await hero.expectSave().fail(new EpicError('StoreFull', 'no room'))
    await turn.expectError('StoreFull')
    await hero.activate()
    assert.equal(hero.state.gold, 1)
  })

  it('an older version is upgraded', async () => {
    const hero = script(Hero, 'bob', { state: { gold: 3 }, stateVersion: 1 })
    await hero.activate()
    assert.equal(hero.state.gold, 301)
  })

  it('an entity that cannot wake says why', async () => {
    const hero = script(Hero, 'bob', { state: { gold: -1 }, stateVersion: 2 })
    await assert.rejects(hero.activate(), RangeError)
  })

  it('a version that fits in no record is refused', () => {
    const options = { state: { gold: 1 }, stateVersion: 200 }
    assert.throws(() => script(Hero, 'bob', options), /stateVersion is 200/)
  })

  it('what was forgotten is saved no more', async () => {
    const hero = script(Hero, 'bob', { state: { gold: 1 }, stateVersion: 2 })
    assert.equal(hero.saved?.gold, 1)
    await hero.call('retire').expectReply(undefined)
    assert.equal(hero.saved, undefined)
  })

  it('a crash loses what is not saved, and nothing else', async () => {
    const hero = script(Hero, 'bob')
    await hero.call('hear', 'a noise').expectReply(undefined)
    await hero.call('rest', 0).expectSleep(0)
    await hero.crash()
    await hero.activate()
    assert.equal(hero.state.heard.length, 1)
    await hero.deactivate('memory')
    await hero.activate()
    assert.deepEqual(hero.state.heard, ['a noise', 'bye: memory'])
  })
})

describe('script: time', () => {
  it('a sleep ends when time passes', async () => {
    const hero = script(Hero, 'bob')
    const turn = hero.call('rest', 500)
    await turn.expectSleep(500)
    await hero.advance(499)
    await turn.expectNothing()
    await hero.advance(1)
    await turn.expectReply('rested')
  })

  it('a timer calls its operation, which nobody made a turn of', async () => {
    const hero = script(Hero, 'bob')
    await hero.call('wakeIn', 1_000).expectReply(undefined)
    assert.deepEqual(hero.timers, [
      { key: 'wake', operation: 'earn', args: [5], inMs: 1_000, intervalMs: 0 },
    ])
    await hero.advance(1_000)
    await hero.expectMessage(audit, 'note', 'bob has 5')
    assert.deepEqual(hero.timers, [])
  })

  it('a durable task fires at its time, also after a crash', async () => {
    const hero = script(Hero, 'bob')
    await hero.call('salary').expectReply(undefined)
    assert.deepEqual(hero.tasks, [
      { key: 'salary', operation: 'earn', args: [10], dueMs: hero.now + 60_000 },
    ])
    await hero.crash()
    await hero.advance(61_000)
    await hero.expectMessage(audit, 'note', 'bob has 10')
    assert.equal(hero.tasks[0]?.dueMs, hero.now - 61_000 + 120_000)
  })

  it('the time that the entity sees begins where the script says', async () => {
    const hero = script(Hero, 'bob', { now: new Date('2030-05-01T00:00:00Z') })
    await hero.advance(250)
    await hero.call('time').expectReply(Date.UTC(2030, 4, 1) + 250)
  })
})

describe('script: files', () => {
  it('a request is expected by its kind and path', async () => {
    const turn = script(Hero, 'bob').call('read', 'map.txt')
    await turn.expectFile('file.read', 'map.txt').complete(Buffer.from('here be barrels'))
    await turn.expectReply('here be barrels')
  })

  it('one that fails rejects', async () => {
    const turn = script(Hero, 'bob').call('read', 'map.txt')
    await turn.expectFile('file.read', 'map.txt').fail(new EpicError('FileNotFound', 'no map'))
    await turn.expectError('FileNotFound')
  })
})

describe('script: failures say what was expected, and what came instead', () => {
  const cases: readonly [name: string, run: () => Promise<unknown>, message: string][] = [
    [
      'another call',
      () =>
        script(Hero, 'bob')
          .call('buy', shop, 'sword')
          .expectCall(ref(Shop, 'mall'), 'buy')
          .reply(1),
      "Expected Hero/bob.buy to call Shop/mall.buy(), but it called Shop/corner.buy('sword', 0)",
    ],
    [
      'other arguments',
      () =>
        script(Hero, 'bob').call('buy', shop, 'sword').expectCall(shop, 'buy', 'sword', 3).reply(1),
      "Expected Hero/bob.buy to call Shop/corner.buy('sword', 3), but it called Shop/corner.buy('sword', 0)",
    ],
    [
      'a call that waits',
      async () => {
        const turn = script(Hero, 'bob').call('buy', shop, 'sword')
        await turn.expectCall(shop, 'buy').received()
        await turn.expectReply(1)
      },
      "Expected Hero/bob.buy to reply 1, but it waits for the outcome of Shop/corner.buy('sword', 0)",
    ],
    [
      'a sleep',
      () => script(Hero, 'bob').call('rest', 40).expectReply('rested'),
      "Expected Hero/bob.rest to reply 'rested', but it waits for a sleep that ends in 40 ms: see advance()",
    ],
    [
      'a held save',
      () => script(Hero, 'bob', { saves: 'held' }).call('find').expectReply(undefined),
      'Expected Hero/bob.find to reply undefined, but it waits for a save: see expectSave()',
    ],
    [
      'another result',
      () => script(Hero, 'bob').call('time').expectReply(0),
      'Expected Hero/bob.time to reply 0, but it replied 1767225600000',
    ],
    [
      'an error',
      () => script(Hero, 'bob').call('fail', 'luck').expectReply(undefined),
      'Expected Hero/bob.fail to reply undefined, but it failed with RangeError: out of luck',
    ],
    [
      'another error',
      () => script(Hero, 'bob').call('fail', 'luck').expectError('Timeout'),
      'Expected Hero/bob.fail to fail with Timeout, but it failed with RangeError: out of luck',
    ],
    [
      'a message in between',
      () => script(Hero, 'bob').call('earn', 1).expectReply(undefined),
      "Expected Hero/bob.earn to reply undefined, but it sent Audit/all.note('bob has 1')",
    ],
    [
      'nothing at all',
      async () => {
        const turn = script(Hero, 'bob').call('time')
        await turn.reply()
        await turn.expectMessage(audit, 'note')
      },
      'Expected Hero/bob.time to send Audit/all.note(), but nothing comes any more',
    ],
    [
      'no save',
      async () => {
        const hero = script(Hero, 'bob')
        await hero.call('time').reply()
        await hero.expectSave().done()
      },
      'Expected Hero/bob to be saved, but it was not',
    ],
    [
      'an entity that is not in memory',
      async () => script(Hero, 'bob').state,
      'Hero/bob is not in memory: call it, or activate() it, before you look at its state',
    ],
  ]
  for (const [name, run, message] of cases) {
    it(name, async () => {
      await assert.rejects(
        run(),
        (error) => error instanceof ExpectationFailed && error.message === message,
      )
    })
  }
})
