import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { quiet, rig } from './rig.ts'

class Worker extends Entity {
  static override settings = settings<Worker>({
    persistent: false,
    mailboxMax: 4,
    operations: {
      tell: { oneWay: true },
      alone: { lock: 'entity' },
      add: { idempotent: true },
      brief: { timeoutMs: 50 },
    },
  })
  heard: string[] = []
  total = 0
  #open: (() => void)[] = []
  async echo<T>(value: T): Promise<T> {
    return value
  }
  async wait(): Promise<string> {
    await new Promise<void>((resolve) => this.#open.push(resolve))
    return 'waited'
  }
  async release(): Promise<void> {
    for (const open of this.#open.splice(0)) open()
  }
  tell(text: string): void {
    this.heard.push(text)
  }
  async told(): Promise<string[]> {
    return [...this.heard]
  }
  async alone(next: Ref<Worker> | null): Promise<string> {
    return next === null ? this.id : `${this.id}>${await next.alone(null)}`
  }
  async aloneThenBack(next: Ref<Worker>): Promise<string> {
    return await next.callBack(this.ref(Worker, this.id))
  }
  async callBack(to: Ref<Worker>): Promise<string> {
    return await to.alone(null)
  }
  async add(n: number): Promise<number> {
    this.total += n
    return this.total
  }
  async brief(): Promise<void> {
    await new Promise(() => undefined)
  }
  async deeper(): Promise<number> {
    return await this.ref(Worker, this.id).deeper()
  }
  async fails(): Promise<void> {
    throw Object.assign(new RangeError('too far'), { code: 'TOO_FAR', data: { by: 3 } })
  }
  async keeps(list: number[]): Promise<number[]> {
    return list
  }
}

test('a call returns the result, and a thrown error arrives with name, code and data', async () => {
  const { pool } = rig({ Worker })
  assert.equal(await pool.Worker['a']!.echo('hello'), 'hello')
  await assert.rejects(pool.Worker['a']!.fails(), {
    name: 'RangeError',
    message: 'too far',
    code: 'TOO_FAR',
    data: { by: 3 },
  })
})

test('3 and "3" are one id, and refs to one entity are one object', () => {
  const { pool } = rig({ Worker })
  assert.equal(pool.Worker[3], pool.Worker['3'])
  assert.equal(pool.ref(Worker, 3), pool.Worker['3'])
  assert.notEqual(pool.Worker['3'], pool.Worker['4'])
})

test('ids that look like methods are ids', async () => {
  const { pool } = rig({ Worker })
  for (const id of ['then', 'constructor', '__proto__', 'toString', 'create']) {
    assert.equal(await pool.Worker[id]!.alone(null), id)
  }
})

test('one-way messages of one caller arrive in order', async () => {
  const { pool } = rig({ Worker })
  for (const text of ['a', 'b', 'c']) pool.Worker['x']!.tell(text)
  assert.deepEqual(await pool.Worker['x']!.told(), ['a', 'b', 'c'])
})

test('a full mailbox: Overloaded, certainly not done, naming the limit', async () => {
  const { pool } = rig({ Worker })
  const worker = pool.Worker['x']!
  const waiting = Array.from({ length: 4 }, () => worker.wait())
  await quiet()
  await assert.rejects(worker.echo(1), { code: 'Overloaded', retry: 'safe', message: /4 of 4/ })
  assert.equal(waiting.length, 4)
})

test('locks are reentrant along the chain of calls, over other entities too', async () => {
  const { pool } = rig({ Worker })
  assert.equal(await pool.Worker['a']!.alone(pool.Worker['a']!), 'a>a')
  assert.equal(await pool.Worker['a']!.aloneThenBack(pool.Worker['b']!), 'a')
})

class Knot extends Entity {
  static override settings = settings<Knot>({ persistent: false, lock: 'entity' })
  async tie(other: Ref<Knot>): Promise<string> {
    await this.sleep(10)
    return await other.end()
  }
  async end(): Promise<string> {
    return 'free'
  }
}

test('a deadlock is reported at once to one of its calls, with the cycle; the other goes on', async () => {
  const { pool, clock } = rig({ Knot })
  const both = Promise.allSettled([
    pool.Knot['a']!.tie(pool.Knot['b']!),
    pool.Knot['b']!.tie(pool.Knot['a']!),
  ])
  await clock.advance(20)
  const outcomes = await both
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(failed.length, 1)
  const { code, message } = failed[0]!.reason as { code: string; message: string }
  assert.equal(code, 'Deadlock')
  assert.match(message, /Knot\/[ab]\.end → Knot\/[ab]\.end/)
})

class Loose extends Entity {
  static override settings = settings<Loose>({ persistent: false, lock: 'entity' })
  async tie(other: Ref<Loose>, isAwaitedLater: boolean): Promise<string> {
    await this.sleep(10)
    const call = other.end()
    await this.sleep(10)
    return isAwaitedLater ? await call : 'not waited for'
  }
  async end(): Promise<string> {
    return 'free'
  }
}

test('a call that its turn does not await holds up nothing, and makes no deadlock', async () => {
  const { pool, clock } = rig({ Loose })
  const [a, b] = [pool.Loose['a']!, pool.Loose['b']!]
  const both = Promise.all([a.tie(b, false), b.tie(a, true)])
  await clock.advance(30)
  assert.deepEqual(await both, ['not waited for', 'free'])
})

test('a deadlock begins when the last of its calls is awaited, and is reported then', async () => {
  const { pool, clock } = rig({ Loose })
  const [a, b] = [pool.Loose['a']!, pool.Loose['b']!]
  let settled = 0
  const both = Promise.allSettled(
    [a.tie(b, true), b.tie(a, true)].map((call) => call.finally(() => (settled += 1))),
  )
  await clock.advance(15)
  assert.equal(settled, 0)
  await clock.advance(15)
  assert.deepEqual((await both).map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

test('a call past its deadline: Timeout, and the outcome is unknown once it ran', async () => {
  const { pool, clock } = rig({ Worker })
  const call = assert.rejects(pool.Worker['x']!.brief(), { code: 'Timeout', retry: 'unknown' })
  await clock.advance(300)
  await call
})

test('a chain of calls without end: CallTooDeep', async () => {
  const { pool } = rig({ Worker })
  await assert.rejects(
    pool.Worker['x']!.deeper(),
    (error: { code: string }) => error.code === 'CallTooDeep' || error.code === 'Overloaded',
  )
})

test('idempotent calls beyond the window wait for earlier ones, and each counts once', async () => {
  const { pool } = rig({
    Worker: class extends Worker {
      static override settings = settings<Worker>({
        persistent: false,
        operations: { tell: { oneWay: true }, add: { idempotent: true } },
      })
    },
  })
  const results = await Promise.all(Array.from({ length: 300 }, () => pool.Worker['x']!.add(1)))
  assert.deepEqual(
    results.toSorted((a, b) => a - b),
    Array.from({ length: 300 }, (_, i) => i + 1),
  )
})

test('development: what was sent is frozen, and changing it explains itself', async () => {
  const { pool } = rig({ Worker })
  const list = [1, 2]
  await pool.Worker['x']!.keeps(list)
  assert.throws(() => list.push(3), TypeError)
})

test('development: what cannot cross a process is refused with its path', async () => {
  const { pool } = rig({ Worker })
  assert.throws(() => pool.Worker['x']!.echo({ a: [1, () => 2] }), {
    code: 'CannotCross',
    message: /\[0\]\.a\[1\] is a function/,
  })
})

test('unknown types, operations and ids are clear errors', () => {
  const { node, pool } = rig({ Worker })
  assert.throws(() => node.refTo('Nobody', 'x'), {
    code: 'UnknownType',
    message: /the app has Worker/,
  })
  assert.throws(() => pool.Worker['']!, { code: 'InvalidId' })
  assert.throws(() => pool.Worker['a\nb']!, { code: 'InvalidId' })
  assert.throws(() => new Worker(), { message: /call it through pool\.Worker/ })
})
