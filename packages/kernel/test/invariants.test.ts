import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Activation, Call } from '@epicserver/kernel'
import { classPlan, Driver, operation, TestCall } from './driver.ts'

const go = operation('go')
const whole = operation('whole', { lock: 'entity' })
const types = [
  classPlan('Room'),
  classPlan('Vault', { hasLocks: true }),
  classPlan('Saved', { durability: 'acknowledged' }),
]

/** A kernel with something in every table. */
function busy(): Driver {
  const driver = new Driver({ types })
  driver.start('Room/a', go)
  driver.start('Vault/a', whole)
  driver.call('Vault/a', whole)
  driver.setTimer(driver.at('Room/a'), 'tick', {})
  driver.activate('Saved/a')
  driver.call('Room/b', go)
  driver.call('Room/a', go)
  driver.kernel.drop(driver.at('Room/b'))
  return driver
}

/** Breaks one thing, and expects that it is said. */
function broken(breakIt: (driver: Driver) => void, message: string | RegExp): void {
  const driver = busy()
  driver.kernel.assertInvariants()
  breakIt(driver)
  const expected = typeof message === 'string' ? { message } : message
  assert.throws(() => driver.kernel.assertInvariants(), expected)
}

function first(calls: readonly Call[] | null): Call {
  return (calls as readonly Call[])[0] as Call
}

describe('invariants: what is broken is found', () => {
  it('in the counters of an activation', () => {
    broken((driver) => (driver.at('Room/a').accepted += 1), '"Room/a" counts 3 calls and holds 2')
    broken((driver) => {
      driver.at('Room/a').running -= 1
      driver.at('Room/a').accepted -= 1
      driver.at('Room/a').running -= 1
      driver.at('Room/a').accepted -= 1
    }, '"Room/a" counts -1 running turns')
    broken((driver) => (driver.at('Room/a').bytes += 1), /bytes of activations are counted/)
    broken((driver) => {
      driver.kernel.deactivate(driver.at('Saved/a'), 'requested')
      driver.at('Saved/a').state = 'claiming'
    }, '600 bytes of activations that are put away are counted, and there are 0')
  })

  it('in the tables', () => {
    broken(
      (driver) => driver.type('Saved').activations.delete('a'),
      '3 activations are counted, and there are 2',
    )
    broken(
      (driver) => driver.type('Saved').activations.set('c', driver.at('Saved/a')),
      '"Saved/a" is kept under another id',
    )
    broken((driver) => (driver.at('Saved/a').state = 'gone'), '"Saved/a" is gone and in its table')
    broken((driver) => (driver.at('Saved/a').gate = null), /has a gate without need, or none/)
    broken(
      (driver) => driver.type('Room').redirects.delete('b'),
      '1 redirects are counted, and there are 0',
    )
  })

  it('in what is queued', () => {
    broken(
      (driver) => (driver.at('Room/a').state = 'sleeping'),
      '"Room/a" is sleeping and has Room/a.go queued',
    )
    broken(
      (driver) => driver.type('Room').activations.delete('a'),
      /has calls queued and is not in its table/,
    )
    broken((driver) => {
      const call = driver.call('Room/a', go)
      call.status = 'running'
    }, '"Room/a" has Room/a.go queued, whose status is running')
  })

  it('in what waits', () => {
    const vault = (driver: Driver): Activation => driver.at('Vault/a')
    broken(
      (driver) => (first(vault(driver).waiting).status = 'queued'),
      /waiting, whose status is queued/,
    )
    broken((driver) => (first(vault(driver).waiting).turnKey = 'x'), /waiting with locks/)
    broken(
      (driver) => (first(vault(driver).waiting).activation = null),
      /a call of another activation/,
    )
    broken((driver) => {
      const call = new TestCall(driver.kernel, 'Vault/a', whole, {})
      call.status = 'waiting'
      call.activation = vault(driver)
      vault(driver).accepted += 1
      vault(driver).waiting?.push(call)
    }, /unknown to the wait graph/)
    broken((driver) => {
      vault(driver).waiting?.push(first(vault(driver).waiting))
      vault(driver).accepted += 1
    }, /has a call waiting twice/)
    broken((driver) => (driver.at('Room/a').waiting = []), /keeps an empty mailbox/)
    broken((driver) => {
      const room = driver.at('Room/a')
      const call = driver.call('Room/c', go)
      room.waiting = [call]
      call.activation = room
      room.accepted += 1
    }, /has no locks, is active, and lets calls wait/)
  })

  it('in locks', () => {
    broken((driver) => (driver.at('Vault/a').turns = null), /tracks other turns than it has/)
    broken(
      (driver) => (first(driver.at('Vault/a').turns).turnKey = null),
      /runs a turn without locks/,
    )
    broken((driver) => {
      const vault = driver.at('Vault/a')
      const waiting = first(vault.waiting)
      assert.ok(driver.kernel.failWaiting(waiting, new Error()))
      const second = new TestCall(driver.kernel, 'Vault/a', whole, {})
      Object.assign(second, { activation: vault, status: 'running', turnKey: 'n1:99' })
      vault.turns?.push(second)
      vault.running += 1
      vault.accepted += 1
    }, '"Vault/a" runs Vault/a.whole beside Vault/a.whole, which excludes it')
    broken((driver) => {
      const vault = driver.at('Vault/a')
      vault.turns = null
      vault.running -= 1
      vault.accepted -= 1
    }, '"Vault/a" lets Vault/a.whole wait, which could start')
  })

  it('in timers', () => {
    broken((driver) => driver.at('Room/a').timers?.clear(), /keeps an empty table of timers/)
    broken((driver) => (driver.at('Room/a').timers = null), '1 timers are counted, and there are 0')
    broken((driver) => {
      const timer = driver.at('Room/a').timers?.get('tick')
      timer?.slot?.timers.delete(timer)
    }, '"Room/a" has the timer "tick", which will not fire')
    broken((driver) => {
      const timers = driver.at('Room/a').timers
      const timer = timers?.get('tick')
      assert.ok(timer !== undefined)
      timers?.delete('tick')
      timers?.set('other', timer)
    }, '"Room/a" has the timer of another under "other"')
  })
})
