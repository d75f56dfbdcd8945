import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { gatedStore } from './gated-store.ts'
import { quiet, rig } from './rig.ts'

class Account extends Entity {
  static override settings = settings<Account>({
    transient: ['cache'],
    operations: { note: { oneWay: true }, withdraw: { atomic: true } },
  })
  balance = 0
  notes: string[] = []
  cache = 0
  peer: Ref<Account> | null = null
  async deposit(amount: number): Promise<number> {
    this.balance += amount
    return this.balance
  }
  async depositSlowly(amount: number, isOver: Promise<void>): Promise<number> {
    this.balance += amount
    await isOver
    return this.balance
  }
  async read(): Promise<number> {
    return this.balance
  }
  async touchCache(): Promise<number> {
    this.cache += 1
    return this.cache
  }
  note(text: string): void {
    this.notes.push(text)
  }
  async withdraw(amount: number, tell: Ref<Account>): Promise<number> {
    this.balance -= amount
    this.notes.push(`took ${amount}`)
    tell.note(`took ${amount}`)
    await this.ref(Account, this.id).read()
    if (this.balance < 0) throw new Error('not enough')
    return this.balance
  }
  async notesHere(): Promise<string[]> {
    return [...this.notes]
  }
  async hold(fn: boolean): Promise<void> {
    this.peer = this.ref(Account, this.id)
    if (fn) (this as unknown as { bad: unknown }).bad = { deep: [() => 1] }
  }
  async isSelf(): Promise<boolean> {
    return this.peer === this.ref(Account, this.id)
  }
}

test('acknowledged durability: a reply leaves only when the state it reveals is durable', async () => {
  const gate = gatedStore()
  const { pool } = rig({ Account }, { wrap: gate.wrap })
  let replied: number | undefined
  const call = pool.Account['a']!.deposit(5).then((balance) => (replied = balance))
  await quiet()
  assert.equal(gate.waiting, 1)
  assert.equal(replied, undefined)
  await gate.open()
  await call
  assert.equal(replied, 5)
})

test('acknowledged durability: of a turn that ran while another’s change was saved nobody says that nothing was', async () => {
  const gate = gatedStore()
  const { pool } = rig({ Account }, { wrap: gate.wrap, mode: 'production' })
  let end = (): void => undefined
  const isOver = new Promise<void>((resolve) => (end = resolve))
  const slow = pool.Account['a']!.depositSlowly(5, isOver)
  const quick = pool.Account['a']!.deposit(1)
  await quiet()
  await gate.open()
  assert.equal(await quick, 6)
  const late = pool.Account['a']!.deposit(1)
  end()
  await quiet()
  gate.fail = new EpicError('StoreFull', 'no room')
  const outcomes = Promise.allSettled([slow, late])
  await gate.open()
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected')
    assert.equal((outcome.reason as EpicError).retry, 'unknown')
  }
  gate.fail = undefined
  assert.equal(await pool.Account['a']!.read(), 6)
})

test('acknowledged durability: a read that reveals an unsaved state waits too, one that does not leaves at once', async () => {
  const gate = gatedStore()
  const { pool } = rig({ Account }, { wrap: gate.wrap })
  assert.equal(await pool.Account['a']!.read(), 0)
  const deposit = pool.Account['a']!.deposit(5)
  await quiet()
  let seen: number | undefined
  const read = pool.Account['a']!.read().then((balance) => (seen = balance))
  await quiet()
  assert.equal(seen, undefined)
  await gate.open()
  await Promise.all([deposit, read])
  assert.equal(seen, 5)
  assert.equal(gate.writes, 1)
})

test('group commit: all calls that arrive during a write share the next one', async () => {
  const gate = gatedStore()
  const { pool } = rig({ Account }, { wrap: gate.wrap })
  const first = pool.Account['a']!.deposit(1)
  await quiet()
  const others = Array.from({ length: 100 }, () => pool.Account['a']!.deposit(1))
  await quiet()
  await gate.open()
  await gate.open()
  await Promise.all([first, ...others])
  assert.equal(gate.writes, 2)
})

test('dirty detection: unchanged and transient state is not written', async () => {
  const gate = gatedStore(false)
  const { pool } = rig({ Account }, { wrap: gate.wrap })
  await pool.Account['a']!.read()
  await pool.Account['a']!.touchCache()
  await pool.Account['a']!.deposit(0)
  assert.equal(gate.writes, 0)
  await pool.Account['a']!.deposit(1)
  assert.equal(gate.writes, 1)
})

test('a failed write: the caller gets the error, and the state goes back to what is durable', async () => {
  const gate = gatedStore(false)
  const { pool } = rig({ Account }, { wrap: gate.wrap })
  await pool.Account['a']!.deposit(5)
  gate.fail = new EpicError('StoreFull', 'no room')
  await assert.rejects(pool.Account['a']!.deposit(2), { code: 'StoreFull', retry: 'safe' })
  gate.fail = undefined
  assert.equal(await pool.Account['a']!.read(), 5)
})

test('a write with unknown outcome: memory is not trusted, the store is read again', async () => {
  const gate = gatedStore(false)
  const { pool } = rig({ Account }, { wrap: gate.wrap })
  await pool.Account['a']!.deposit(5)
  gate.fail = new EpicError('Unknown', 'lost the answer')
  await assert.rejects(pool.Account['a']!.deposit(2), { code: 'Unknown', retry: 'unknown' })
  gate.fail = undefined
  assert.equal(await pool.Account['a']!.deposit(1), 6)
})

test('what cannot be saved: the error names the field path, and nothing is written', async () => {
  const gate = gatedStore(false)
  const { pool } = rig({ Account }, { wrap: gate.wrap })
  await pool.Account['a']!.deposit(5)
  await assert.rejects(
    pool.Account['a']!.hold(true),
    (error: EpicError) =>
      error.code === 'CannotSave' && /bad\.deep\[0\] is a function/.test(error.message),
  )
  assert.equal(gate.writes, 1)
  assert.equal(await pool.Account['a']!.read(), 5)
})

test('state survives the node: fields, lists and refs come back', async () => {
  const first = rig({ Account })
  await first.pool.Account['a']!.deposit(7)
  first.pool.Account['a']!.note('hello')
  await first.pool.Account['a']!.hold(false)
  first.node.close()
  const second = rig({ Account }, { disk: first.disk, epoch: 2 })
  assert.equal(await second.pool.Account['a']!.read(), 7)
  assert.deepEqual(await second.pool.Account['a']!.notesHere(), ['hello'])
  assert.equal(await second.pool.Account['a']!.isSelf(), true)
})

test('a newer activation elsewhere: the older one is fenced and its caller hears that the outcome is unknown', async () => {
  const old = rig({ Account })
  await old.pool.Account['a']!.deposit(1)
  const newer = rig({ Account }, { disk: old.disk, epoch: 2 })
  assert.equal(await newer.pool.Account['a']!.deposit(1), 2)
  await assert.rejects(old.pool.Account['a']!.deposit(10), { code: 'Fenced', retry: 'unknown' })
  assert.equal(await newer.pool.Account['a']!.read(), 2)
})

test('atomic: what a throwing operation changed is undone, and its messages never leave', async () => {
  const { pool } = rig({ Account })
  await pool.Account['a']!.deposit(5)
  await assert.rejects(pool.Account['a']!.withdraw(9, pool.Account['b']!), {
    message: 'not enough',
  })
  assert.equal(await pool.Account['a']!.read(), 5)
  assert.deepEqual(await pool.Account['a']!.notesHere(), [])
  assert.deepEqual(await pool.Account['b']!.notesHere(), [])
})

test('atomic: a successful operation keeps its changes, and its messages leave', async () => {
  const { pool } = rig({ Account })
  await pool.Account['a']!.deposit(5)
  assert.equal(await pool.Account['a']!.withdraw(2, pool.Account['b']!), 3)
  await quiet()
  assert.deepEqual(await pool.Account['b']!.notesHere(), ['took 2'])
})
