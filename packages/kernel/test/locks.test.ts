import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LockMode, OperationPlan } from '@epicserver/kernel'
import { conflicts } from '#src/locks.ts'
import { classPlan, Driver, operation, type TestCall } from './driver.ts'

const Vault = classPlan('Vault', { hasLocks: true })
const whole = operation('whole', { lock: 'entity' })
const deposit = operation('deposit', { lock: 'method' })
const withdraw = operation('withdraw', { lock: 'method' })
const read = operation('read')

/** Whether two calls exclude each other, from first principles. */
function excludes(a: OperationPlan, b: OperationPlan): boolean {
  const modes: readonly LockMode[] = [a.lock, b.lock]
  return modes.includes('entity') || (a === b && a.lock === 'method')
}

function vault(): Driver {
  const driver = new Driver({ types: [Vault] })
  driver.activate('Vault/a')
  return driver
}

/** All words of a length over an alphabet. */
function* words<T>(alphabet: readonly T[], length: number): Generator<readonly T[]> {
  if (length === 0) yield []
  else
    for (const word of words(alphabet, length - 1))
      for (const letter of alphabet) yield [...word, letter]
}

describe('locks: which calls exclude each other', () => {
  it('entity excludes all, method the same operation, none only entity', () => {
    const driver = vault()
    const plans = [whole, deposit, withdraw, read]
    for (const [a, b] of words(plans, 2) as Generator<[OperationPlan, OperationPlan]>) {
      const calls = [driver.make('Vault/a', a), driver.make('Vault/a', b)] as const
      assert.equal(conflicts(...calls), excludes(a, b), `${a.name} ${b.name}`)
    }
  })
})

describe('locks: every order in which up to four calls come and end', () => {
  const plans = [whole, deposit, withdraw, read]

  /** Lets turns end in the order that the choices say, noting who started when. */
  function play(arrivals: readonly OperationPlan[], choices: readonly number[]): TestCall[] {
    const driver = vault()
    const started: TestCall[] = []
    const running: TestCall[] = []
    const step = (): void => {
      driver.kernel.assertInvariants()
      const now = driver.run()
      started.push(...now)
      running.push(...now)
    }
    for (const plan of arrivals) {
      driver.call('Vault/a', plan)
      step()
    }
    for (const choice of choices) {
      const [turn] = running.splice(choice % running.length, 1)
      driver.end(turn as TestCall)
      step()
    }
    assert.equal(driver.at('Vault/a').accepted, 0)
    return started
  }

  it('they exclude each other, start in the order of arrival, and all come to their turn', () => {
    for (const length of [1, 2, 3, 4]) {
      for (const arrivals of words(plans, length)) {
        for (const choices of words([0, 1], length)) {
          const started = play(arrivals, choices)
          assert.deepEqual(
            started.map((call) => call.operation.name),
            arrivals.map((plan) => plan.name),
          )
        }
      }
    }
  })
})

describe('locks: the queue', () => {
  it('lets a stream of compatible calls not starve one that needs the entity alone', () => {
    const driver = vault()
    const first = driver.start('Vault/a', read)
    const alone = driver.call('Vault/a', whole)
    const later = driver.call('Vault/a', read)
    assert.equal(later.status, 'waiting')
    driver.end(first)
    assert.deepEqual(driver.run(), [alone])
    driver.end(alone)
    assert.deepEqual(driver.run(), [later])
  })

  it('moves on when one that waited gives up', () => {
    const driver = vault()
    const first = driver.start('Vault/a', read)
    const alone = driver.call('Vault/a', whole)
    const later = driver.call('Vault/a', read)
    assert.equal(driver.kernel.failWaiting(alone, new Error('given up')), true)
    assert.deepEqual(driver.run(), [later])
    assert.equal(driver.at('Vault/a').waiting, null)
    driver.end(first)
  })

  it('moves on when what held the lock could not start in time', () => {
    const driver = vault()
    driver.call('Vault/a', operation('quick', { lock: 'entity', timeoutMs: 10 }))
    const next = driver.call('Vault/a', whole)
    driver.kernel.now = 10
    assert.deepEqual(driver.run(), [next])
  })
})

describe('locks: reentrancy', () => {
  it('a call passes the locks of its own chain, however long', () => {
    const driver = vault()
    driver.activate('Vault/b')
    const outer = driver.start('Vault/a', whole)
    const middle = driver.start('Vault/b', whole, { parent: outer })
    const inner = driver.start('Vault/a', whole, { parent: middle })
    driver.kernel.assertInvariants()
    for (const turn of [inner, middle, outer]) driver.end(turn)
    assert.equal(driver.at('Vault/a').turns, null)
  })

  it('it goes past the queue, which waits for its chain to end', () => {
    const driver = vault()
    const outer = driver.start('Vault/a', whole)
    const waiting = driver.call('Vault/a', whole)
    const inner = driver.start('Vault/a', whole, { parent: outer })
    driver.end(inner)
    assert.deepEqual(driver.run(), [])
    driver.end(outer)
    assert.deepEqual(driver.run(), [waiting])
  })

  it('two calls of one turn still exclude each other', () => {
    const driver = vault()
    const outer = driver.start('Vault/a', whole)
    const first = driver.start('Vault/a', whole, { parent: outer })
    const second = driver.call('Vault/a', whole, { parent: outer })
    assert.equal(second.status, 'waiting')
    driver.end(first)
    assert.deepEqual(driver.run(), [second])
  })

  it('the second goes past what came between, as soon as the first has ended', () => {
    const driver = vault()
    const outer = driver.start('Vault/a', whole)
    const first = driver.start('Vault/a', whole, { parent: outer })
    const stranger = driver.call('Vault/a', whole)
    const second = driver.call('Vault/a', whole, { parent: outer })
    assert.equal(second.status, 'waiting')
    driver.end(first)
    assert.deepEqual(driver.run(), [second])
    driver.end(second)
    driver.end(outer)
    assert.deepEqual(driver.run(), [stranger])
  })

  it('a one-way call to oneself waits: it is not in the chain of its sender', () => {
    const driver = vault()
    const turn = driver.start('Vault/a', whole)
    const send = operation('send', { lock: 'entity', oneWay: true })
    const message = driver.receive('Vault/a', send, { parent: turn })
    assert.equal(message.status, 'waiting')
    driver.end(turn)
    assert.deepEqual(driver.run(), [message])
  })

  it('what code calls whose turn is over waits too: the lock is another’s now', () => {
    const driver = vault()
    driver.activate('Vault/b')
    const outer = driver.start('Vault/a', whole)
    const inner = driver.start('Vault/b', whole, { parent: outer })
    driver.end(inner)
    assert.equal(driver.call('Vault/a', whole, { parent: inner }).status, 'waiting')
  })
})
