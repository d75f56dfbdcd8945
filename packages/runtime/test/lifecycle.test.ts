import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { quiet, rig } from './rig.ts'

const events: string[] = []

class Room extends Entity {
  static override settings = settings<Room>({
    idleAfterMs: 1000,
    operations: { shout: { oneWay: true } },
  })
  visits = 0
  async onActivate(): Promise<void> {
    events.push(`${this.id} wakes at ${this.visits}`)
  }
  async onDeactivate(reason: string): Promise<void> {
    events.push(`${this.id} sleeps: ${reason}`)
    this.visits += 100
  }
  async visit(): Promise<number> {
    this.visits += 1
    return this.visits
  }
  async bell(): Promise<void> {
    this.timer.set('bell', 'visit', { intervalMs: 100, times: 3 })
  }
  async once(): Promise<void> {
    this.timer.once('once', () => this.shout(), 50)
  }
  async unbell(): Promise<boolean> {
    return this.timer.cancel('bell')
  }
  async count(): Promise<number> {
    return this.visits
  }
  shout(): void {
    this.visits += 10
  }
  async goodbye(): Promise<string> {
    await this.forget()
    return 'gone'
  }
}

test('an idle entity is put away with its last changes, and wakes with them', async () => {
  events.length = 0
  const { node, pool, clock } = rig({ Room })
  await pool.Room['r']!.visit()
  await clock.advance(3000)
  assert.equal(node.kernel.counts.activations, 0)
  assert.equal(await pool.Room['r']!.visit(), 102)
  assert.deepEqual(events, ['r wakes at 0', 'r sleeps: idle', 'r wakes at 101'])
})

test('a timer fires as often as it was told, and keeps its entity awake until then', async () => {
  const { node, pool, clock } = rig({ Room })
  await pool.Room['r']!.bell()
  await clock.advance(250)
  assert.equal(await pool.Room['r']!.count(), 2)
  await clock.advance(5000)
  assert.equal(node.kernel.counts.activations, 0)
  assert.equal(await pool.Room['r']!.count(), 103)
})

test('a cancelled timer does not fire, and cancelling again says that there was none', async () => {
  const { pool, clock } = rig({ Room })
  await pool.Room['r']!.bell()
  assert.equal(await pool.Room['r']!.unbell(), true)
  assert.equal(await pool.Room['r']!.unbell(), false)
  await clock.advance(500)
  assert.equal(await pool.Room['r']!.count(), 0)
})

test('a closure may be given to a timer and acts as the entity', async () => {
  const { pool, clock } = rig({ Room })
  await pool.Room['r']!.once()
  await clock.advance(60)
  assert.equal(await pool.Room['r']!.count(), 10)
})

test('forget: the running operation answers, the next call begins anew, also after a restart', async () => {
  const first = rig({ Room })
  await first.pool.Room['r']!.visit()
  assert.equal(await first.pool.Room['r']!.goodbye(), 'gone')
  assert.equal(await first.pool.Room['r']!.visit(), 1)
  assert.equal(await first.pool.Room['r']!.goodbye(), 'gone')
  first.node.close()
  const second = rig({ Room }, { disk: first.disk, epoch: 2 })
  assert.equal(await second.pool.Room['r']!.count(), 0)
})

class Hero extends Entity {
  static override settings = settings<Hero>({ autoCreate: false })
  name = 'nobody'
  level = 1
  async who(): Promise<string> {
    return `${this.name} ${this.level}`
  }
}

test('autoCreate: false: only what was created answers; creating twice is refused', async () => {
  const first = rig({ Hero })
  await assert.rejects(first.pool.Hero['x']!.who(), { code: 'NotFound', retry: 'never' })
  const hero = await first.pool.create(Hero, 'x', { name: 'Anna' })
  assert.equal(await hero.who(), 'Anna 1')
  await assert.rejects(first.pool.create(Hero, 'x'), { code: 'AlreadyExists' })
  first.node.close()
  const second = rig({ Hero }, { disk: first.disk, epoch: 2 })
  assert.equal(await second.pool.Hero['x']!.who(), 'Anna 1')
  await assert.rejects(second.pool.create(Hero, 'x'), { code: 'AlreadyExists' })
})

class Old extends Entity {
  static override settings = settings<Old>({ version: 1 })
  gold = 0
  async earn(n: number): Promise<number> {
    this.gold += n
    return this.gold
  }
}

class New extends Entity {
  static override settings = settings<New>({
    version: 2,
    upgrade: (state, from) => ({ coins: Number(state['gold']) * 100, upgradedFrom: from }),
  })
  coins = 0
  upgradedFrom = 0
  async look(): Promise<[number, number]> {
    return [this.coins, this.upgradedFrom]
  }
}

test('upgrade: an older state is converted when it is loaded; a newer one is refused', async () => {
  const old = rig({ Purse: Old })
  await old.pool.Purse['p']!.earn(3)
  old.node.close()
  const fresh = rig({ Purse: New }, { disk: old.disk, epoch: 2 })
  assert.deepEqual(await fresh.pool.Purse['p']!.look(), [300, 1])
  fresh.node.close()
  const back = rig({ Purse: Old }, { disk: old.disk, epoch: 3 })
  await assert.rejects(back.pool.Purse['p']!.earn(1), { code: 'StateNewer', retry: 'never' })
})

class Clerk extends Entity {
  done: number[] = []
  async plan(key: string, inMs: number, everyMs: number | null): Promise<void> {
    this.task.set(
      key,
      everyMs === null
        ? { at: this.now() + inMs, operation: 'work', args: [inMs] }
        : { everyMs, operation: 'work', args: [everyMs] },
    )
  }
  async unplan(key: string): Promise<void> {
    this.task.cancel(key)
  }
  async work(n: number): Promise<void> {
    this.done.push(n)
  }
  async report(): Promise<number[]> {
    return [...this.done]
  }
  async badPlan(): Promise<void> {
    this.task.set('x', { cron: 'not a cron', operation: 'work' })
  }
}

test('durable tasks fire once at their time, repeat, and can be cancelled', async () => {
  const { node, pool, clock } = rig({ Clerk })
  node.tasks.start()
  await pool.Clerk['c']!.plan('one', 2_000, null)
  await pool.Clerk['c']!.plan('many', 0, 3_000)
  await clock.advance(7_000)
  assert.deepEqual(await pool.Clerk['c']!.report(), [2000, 3000, 3000])
  await pool.Clerk['c']!.unplan('many')
  await clock.advance(10_000)
  assert.deepEqual(await pool.Clerk['c']!.report(), [2000, 3000, 3000])
})

test('a durable task that came due while nothing ran fires after the restart', async () => {
  const first = rig({ Clerk })
  await first.pool.Clerk['c']!.plan('one', 2_000, null)
  first.node.close()
  await first.clock.advance(60_000)
  const second = rig({ Clerk }, { disk: first.disk, clock: first.clock, epoch: 2 })
  second.node.tasks.start()
  await first.clock.advance(2_000)
  assert.deepEqual(await second.pool.Clerk['c']!.report(), [2000])
})

test('a schedule that is none is refused where it is set', async () => {
  const { pool } = rig({ Clerk })
  await assert.rejects(pool.Clerk['c']!.badPlan(), {
    code: 'SettingsInvalid',
    message: /"not a cron" in UTC is no schedule/,
  })
})

test('an error that nobody awaits is logged with the operation', async () => {
  class Loud extends Entity {
    static override settings = settings<Loud>({ operations: { boom: { oneWay: true } } })
    boom(): void {
      throw new Error('bang')
    }
  }
  const { pool, log } = rig({ Loud })
  pool.Loud['x']!.boom()
  await quiet()
  assert.deepEqual(
    log.map(({ message }) => message),
    ['Loud/x.boom failed and nobody awaits it'],
  )
})

class Narcissus extends Entity {
  static override settings = settings<Narcissus>({ persistent: false })
  outcome = 'none'
  async onActivate(): Promise<void> {
    const self = this.ref(Narcissus, this.id)
    if (this.id === 'impatient') await self.look()
    else if (this.id === 'patient') void self.look()
    else await this.ref(Echo, 'e').ask(self)
  }
  async look(): Promise<string> {
    this.outcome = 'seen'
    return 'me'
  }
  async read(): Promise<string> {
    return this.outcome
  }
}

class Echo extends Entity {
  static override settings = settings<Echo>({ persistent: false })
  async ask(other: Ref<Narcissus>): Promise<string> {
    return await other.look()
  }
}

test('what onActivate calls of its own entity and awaits fails at once, with the reason', async () => {
  const { pool } = rig({ Narcissus, Echo })
  for (const id of ['impatient', 'by way of another'])
    await assert.rejects(pool.Narcissus[id]!.read(), {
      code: 'Deadlock',
      message: `Cannot call Narcissus/${id}.look: Narcissus/${id}.look → Narcissus/${id}.look wait for each other`,
    })
})

test('what onActivate calls of its own entity and does not await runs when that is awake', async () => {
  const { pool } = rig({ Narcissus, Echo })
  assert.equal(await pool.Narcissus['patient']!.read(), 'none')
  assert.equal(await pool.Narcissus['patient']!.read(), 'seen')
})

class Leaver extends Entity {
  static override settings = settings<Leaver>({ persistent: false, idleAfterMs: 1000 })
  async onDeactivate(): Promise<void> {
    const code = await this.ref(Leaver, this.id)
      .stay()
      .catch((error: { code: string }) => error.code)
    events.push(`${this.id} asked itself to stay: ${code}`)
  }
  async stay(): Promise<string> {
    return 'stayed'
  }
}

test('what onDeactivate calls of its own entity and awaits fails at once too', async () => {
  events.length = 0
  const { pool, clock } = rig({ Leaver })
  await pool.Leaver['bob']!.stay()
  await clock.advance(5_000)
  assert.deepEqual(events, ['bob asked itself to stay: Deadlock'])
})
