import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Activation, Call } from '@epicserver/kernel'
import fc from 'fast-check'
import { classPlan, Driver, operation, originOf, type TestCall } from './driver.ts'

const Vault = classPlan('Vault', { hasLocks: true })
const Room = classPlan('Room')
const whole = operation('whole', { lock: 'entity' })
const deposit = operation('deposit', { lock: 'method' })
const withdraw = operation('withdraw', { lock: 'method' })
const read = operation('read')
const go = operation('go')

function vaults(...ids: readonly string[]): Driver {
  const driver = new Driver({ types: [Vault, Room] })
  for (const id of ids) driver.activate(`Vault/${id}`)
  return driver
}

describe('deadlock: a cycle', () => {
  it('of two is reported to the call that closes it, with the cycle printed', () => {
    const driver = vaults('a', 'b')
    const a = driver.start('Vault/a', whole)
    const b = driver.start('Vault/b', whole)
    const waiting = driver.call('Vault/b', whole, { parent: a })
    const closing = driver.call('Vault/a', whole, { parent: b })
    assert.equal(waiting.status, 'waiting')
    assert.equal(closing.error.code, 'Deadlock')
    assert.equal(closing.error.retry, 'safe')
    assert.equal(
      closing.error.message,
      'Cannot call Vault/a.whole: Vault/a.whole → Vault/b.whole → Vault/a.whole wait for each other',
    )
    driver.kernel.assertInvariants()
    driver.end(b)
    assert.deepEqual(driver.run(), [waiting])
  })

  it('of three is found, over entities without locks between', () => {
    const driver = vaults('a', 'b', 'c')
    const held = ['a', 'b', 'c'].map((id) => driver.start(`Vault/${id}`, whole))
    const via = held.map((turn, i) => driver.start(`Room/${i}`, go, { parent: turn }))
    driver.call('Vault/b', whole, { parent: via[0] })
    driver.call('Vault/c', whole, { parent: via[1] })
    const closing = driver.call('Vault/a', whole, { parent: via[2] })
    assert.match(
      closing.error.message,
      /Vault\/a.whole → Vault\/b.whole → Vault\/c.whole → Vault\/a/,
    )
  })

  it('is none while one of its calls is awaited by nobody, and is found when it is', () => {
    const driver = vaults('a', 'b')
    const [a, b] = [driver.start('Vault/a', whole), driver.start('Vault/b', whole)]
    const loose = driver.make('Vault/b', whole, { parent: a })
    loose.isAwaited = false
    driver.accept(loose)
    const waiting = driver.call('Vault/a', whole, { parent: b })
    assert.deepEqual([loose.status, waiting.status], ['waiting', 'waiting'])
    driver.kernel.handleAwaited(loose)
    assert.deepEqual([loose.error.code, waiting.status], ['Deadlock', 'waiting'])
  })

  it('is found when a call in the middle of a chain begins to be awaited', () => {
    const driver = vaults('a', 'b')
    const [a, b] = [driver.start('Vault/a', whole), driver.start('Vault/b', whole)]
    const via = driver.start('Room/r', go, { parent: a })
    via.isAwaited = false
    const below = driver.call('Vault/b', whole, { parent: via })
    const waiting = driver.call('Vault/a', whole, { parent: b })
    assert.deepEqual([below.status, waiting.status], ['waiting', 'waiting'])
    driver.kernel.handleAwaited(via)
    assert.deepEqual([below.error.code, waiting.status], ['Deadlock', 'waiting'])
  })

  it('is none where a turn between has ended and left its call behind', () => {
    const driver = vaults('a', 'b')
    const [a, b] = [driver.start('Vault/a', whole), driver.start('Vault/b', whole)]
    const via = driver.start('Room/r', go, { parent: a })
    driver.call('Vault/b', whole, { parent: via })
    driver.end(via)
    assert.equal(driver.call('Vault/a', whole, { parent: b }).status, 'waiting')
  })

  it('is what other nodes are told of only as far as turns await it', () => {
    const driver = vaults('a', 'b')
    const [a] = [driver.start('Vault/a', whole), driver.start('Vault/b', whole)]
    const loose = driver.make('Vault/b', whole, { parent: a })
    loose.isAwaited = false
    driver.accept(loose)
    assert.deepEqual(driver.kernel.waitEdges(0), [])
    driver.kernel.handleAwaited(loose)
    assert.deepEqual(
      driver.kernel.waitEdges(0).map(({ above }) => above),
      [[a.turnKey]],
    )
  })

  it('is found at its shortest where there are several', () => {
    const driver = vaults('a', 'b', 'c')
    const [a, b, c] = ['a', 'b', 'c'].map((id) => driver.start(`Vault/${id}`, read))
    driver.call('Vault/b', whole, { parent: a })
    driver.call('Vault/c', whole, { parent: b })
    driver.call('Vault/a', whole, { parent: c })
    const closing = driver.call('Vault/a', whole, { parent: b })
    assert.match(closing.error.message, /: Vault\/a.whole → Vault\/b.whole → Vault\/a.whole wait/)
  })

  it('is found where the wait is for a call ahead in the queue, not for the lock itself', () => {
    const driver = vaults('a', 'b')
    const deposits = driver.start('Vault/a', deposit)
    const b = driver.start('Vault/b', whole)
    driver.call('Vault/b', whole, { parent: deposits })
    const ahead = driver.call('Vault/a', deposit)
    const behind = driver.call('Vault/a', withdraw, { parent: b })
    assert.equal(ahead.status, 'waiting')
    assert.equal(behind.error.code, 'Deadlock')
  })

  it('is found where the calls began to wait before their entity was awake', () => {
    const driver = new Driver({ types: [Vault] })
    const b = driver.start('Vault/b', whole)
    const first = driver.call('Vault/a', whole)
    const second = driver.call('Vault/a', whole, { parent: b })
    driver.perform()
    assert.deepEqual(driver.run(), [first])
    assert.equal(second.status, 'waiting')
    assert.equal(driver.call('Vault/b', whole, { parent: first }).error.code, 'Deadlock')
  })

  it('is found where the chain came over another node', () => {
    const driver = vaults('a', 'b')
    const a = driver.start('Vault/a', whole)
    const b = driver.start('Vault/b', whole)
    driver.call('Vault/b', whole, { parent: a })
    const leaving = driver.make('Far/x', go, { parent: b })
    const back = driver.receive('Vault/a', whole, { origin: originOf(leaving) })
    assert.equal(back.error.code, 'Deadlock')
  })
})

describe('deadlock: no cycle', () => {
  it('along one’s own chain', () => {
    const driver = vaults('a', 'b')
    const a = driver.start('Vault/a', whole)
    const b = driver.start('Vault/b', whole, { parent: a })
    assert.equal(driver.call('Vault/a', whole, { parent: b }).status, 'queued')
    assert.equal(driver.call('Vault/b', whole, { parent: b }).status, 'queued')
  })

  it('where two chains wait for the same lock', () => {
    const driver = vaults('a', 'b', 'c')
    driver.start('Vault/c', whole)
    const a = driver.start('Vault/a', whole)
    const b = driver.start('Vault/b', whole)
    assert.equal(driver.call('Vault/c', whole, { parent: a }).status, 'waiting')
    assert.equal(driver.call('Vault/c', whole, { parent: b }).status, 'waiting')
    assert.equal(driver.kernel.counts.waitingForLocks, 2)
  })

  it('where a call only seems to wait behind others: its chain holds the entity', () => {
    const driver = vaults('a')
    const deposits = driver.start('Vault/a', deposit)
    const withdrawal = driver.start('Vault/a', withdraw)
    driver.call('Vault/a', deposit)
    const inner = driver.call('Vault/a', withdraw, { parent: deposits })
    assert.equal(inner.status, 'waiting')
    driver.end(withdrawal)
    assert.deepEqual(driver.run(), [inner])
  })

  it('where one of the waits is one-way', () => {
    const driver = vaults('a', 'b')
    const a = driver.start('Vault/a', whole)
    const b = driver.start('Vault/b', whole)
    const send = operation('send', { lock: 'entity', oneWay: true })
    driver.receive('Vault/b', send, { parent: a })
    assert.equal(driver.call('Vault/a', whole, { parent: b }).status, 'waiting')
  })

  it('where the one that would close it has given up', () => {
    const driver = vaults('a', 'b')
    const a = driver.start('Vault/a', whole)
    const b = driver.start('Vault/b', whole)
    const gone = driver.call('Vault/b', whole, { parent: a })
    driver.kernel.failWaiting(gone, new Error('given up'))
    assert.equal(driver.call('Vault/a', whole, { parent: b }).status, 'waiting')
  })
})

/**
 * The whole truth about a kernel of turns that each wait for all their calls, from first
 * principles: which waiting calls can ever start if no turn makes another call. The least set that
 * is closed under "a turn ends when its calls can end", "a call starts when the turns that exclude
 * it can end".
 */
class Truth {
  readonly #calls: readonly TestCall[]
  readonly #canEnd = new Set<Call>()

  constructor(calls: readonly TestCall[]) {
    this.#calls = calls
    for (let before = -1; before < this.#canEnd.size;) {
      before = this.#canEnd.size
      for (const call of calls) if (this.#ends(call)) this.#canEnd.add(call)
    }
  }

  canEnd(call: Call): boolean {
    return this.#canEnd.has(call)
  }

  #ends(call: TestCall): boolean {
    if (call.status === 'ended') return true
    const children = this.#calls.filter((child) => child.parent === call && !child.operation.oneWay)
    if (!children.every((child) => this.#canEnd.has(child))) return false
    if (call.status !== 'waiting') return true
    const activation = call.activation as Activation
    const turns = activation.turns ?? []
    const ofItsChain = turns.filter((turn) => isAncestor(turn, call))
    if (!turns.every((turn) => this.#isPassable(turn, call))) return false
    const waiting = activation.waiting ?? []
    const ahead = ofItsChain.length > 0 ? [] : waiting.slice(0, waiting.indexOf(call))
    return ahead.every(
      (other) => this.#canEnd.has(other) || turns.every((turn) => this.#isPassable(turn, other)),
    )
  }

  #isPassable(turn: Call, call: Call): boolean {
    if (isAncestor(turn, call) || this.#canEnd.has(turn)) return true
    const [a, b] = [turn.operation, call.operation]
    return a.lock !== 'entity' && b.lock !== 'entity' && !(a === b && a.lock === 'method')
  }
}

function isAncestor(turn: Call, call: Call): boolean {
  if (call.operation.oneWay) return false
  for (let above = call.parent; above !== null; above = above.parent) {
    if (above === turn) return true
    if (above.operation.oneWay) return false
  }
  return false
}

describe('deadlock: random turns that call each other and wait', () => {
  const entities = ['Vault/a', 'Vault/b', 'Vault/c', 'Room/d']
  const send = operation('send', { lock: 'entity', oneWay: true })
  const plans = [whole, deposit, withdraw, deposit, withdraw, read, send]
  const step = fc.record({
    kind: fc.constantFrom('call', 'call', 'call', 'nest', 'nest', 'nest', 'nest', 'end'),
    entity: fc.nat(entities.length - 1),
    plan: fc.nat(plans.length - 1),
    pick: fc.nat(1000),
  })

  it('a call fails with Deadlock exactly when it could never start, and nothing is ever stuck', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => {
        const driver = vaults('a', 'b', 'c')
        driver.activate('Room/d')
        const calls: TestCall[] = []
        const isRunning = (call: TestCall): boolean => call.status === 'running'
        const isFree = (call: TestCall): boolean =>
          isRunning(call) &&
          !calls.some(
            (child) => child.parent === call && child.outcome === null && !child.operation.oneWay,
          )
        for (const { kind, entity, plan, pick } of steps) {
          const turns = calls.filter(kind === 'end' ? isFree : isRunning)
          const turn = turns[pick % Math.max(1, turns.length)]
          if (kind === 'end') {
            if (turn !== undefined) driver.end(turn)
          } else {
            const parent = kind === 'nest' ? turn : undefined
            accept(driver, calls, entities[entity] as string, plans[plan] as typeof whole, parent)
          }
          driver.kernel.assertInvariants()
          driver.run()
        }
        for (let free = calls.find(isFree); free !== undefined; free = calls.find(isFree)) {
          driver.end(free)
          driver.run()
        }
        assert.ok(calls.every((call) => call.outcome !== null || call.operation.oneWay))
        assert.equal(driver.kernel.counts.waitingForLocks, 0)
      }),
      { numRuns: 300 },
    )
  })

  /** Makes a call and compares what came of it with the truth. */
  function accept(
    driver: Driver,
    calls: TestCall[],
    entity: string,
    plan: typeof whole,
    parent: TestCall | undefined,
  ): void {
    const call = plan.oneWay
      ? driver.receive(entity, plan, { parent })
      : driver.call(entity, plan, { parent })
    calls.push(call)
    if (call.outcome === null) {
      assert.ok(new Truth(calls).canEnd(call), 'a deadlock was not found')
      return
    }
    assert.equal(call.error.code, 'Deadlock')
    const activation = driver.at(entity)
    const waiting = activation.waiting
    call.status = 'waiting'
    activation.waiting = [...(waiting ?? []), call]
    assert.ok(!new Truth(calls).canEnd(call), 'a deadlock was found that is none')
    call.status = 'ended'
    activation.waiting = waiting
  }
})
