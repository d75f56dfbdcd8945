import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Call } from '@epicserver/kernel'
import { classPlan, Driver, operation, type TestCall } from './driver.ts'

const move = operation('move', { oneWay: true, unreliable: true, coalesce: true })
const turn = operation('turn', { oneWay: true, unreliable: true, coalesce: true })
const attack = operation('attack', { oneWay: true })
const alone = operation('alone', { lock: 'entity' })

/** Sends `move` with one argument. */
function send(driver: Driver, value: number, parent?: Call, by = move): TestCall {
  const call = driver.make('Tank/a', by, { parent })
  call.args = [value]
  driver.accept(call)
  return call
}

function rig(): Driver {
  const driver = new Driver({
    types: [classPlan('Tank', { mailboxMax: 8, hasLocks: true }), classPlan('Player')],
  })
  driver.activate('Tank/a')
  return driver
}

describe('coalescing: of the messages that wait', () => {
  it('the newest of a caller and operation runs, in the place of the oldest', () => {
    const driver = rig()
    const first = send(driver, 1)
    const between = driver.call('Tank/a', attack)
    const third = send(driver, 3)
    assert.deepEqual([third.status, third.outcome], ['ended', { value: undefined }])
    assert.deepEqual(driver.run(), [first, between])
    assert.deepEqual(first.args, [3])
    assert.equal(driver.at('Tank/a').latest, null)
  })

  it('those of other callers and operations keep theirs', () => {
    const driver = rig()
    const [bob, eve] = [driver.start('Player/bob', alone), driver.start('Player/eve', alone)]
    const calls = [send(driver, 1, bob), send(driver, 2, eve), send(driver, 3, bob, turn)]
    send(driver, 4, eve)
    assert.deepEqual(
      calls.map(({ status, args }) => [status, args]),
      [
        ['queued', [1]],
        ['queued', [4]],
        ['queued', [3]],
      ],
    )
  })

  it('one that has begun to run is not touched', () => {
    const driver = rig()
    const first = send(driver, 1)
    driver.run()
    const second = send(driver, 2)
    assert.deepEqual([first.args, second.status], [[1], 'queued'])
  })

  it('one that waits for a lock is replaced as well', () => {
    const driver = rig()
    const holder = driver.start('Tank/a', alone)
    const first = send(driver, 1)
    assert.equal(first.status, 'waiting')
    send(driver, 2)
    driver.end(holder)
    assert.deepEqual(driver.run(), [first])
    assert.deepEqual(first.args, [2])
  })

  it('a full mailbox still takes a newer one', () => {
    const driver = rig()
    const first = send(driver, 1)
    for (let i = 0; i < 7; i += 1) driver.call('Tank/a', attack)
    assert.equal(driver.call('Tank/a', attack).error.code, 'Overloaded')
    assert.deepEqual(send(driver, 2).outcome, { value: undefined })
    assert.deepEqual(first.args, [2])
  })

  it('what an ended activation leaves behind is coalesced at the next one', () => {
    const driver = rig()
    const first = send(driver, 1)
    driver.kernel.drop(driver.at('Tank/a'))
    driver.perform()
    send(driver, 2)
    assert.deepEqual([driver.run(), first.args], [[first], [2]])
  })
})
