import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Gate } from '#src/gate.ts'
import { FAILED_ADDRESSES_MAX, FAILED_ATTEMPTS_BURST } from '#src/limits.ts'

describe('gate', () => {
  it('has so many places and no more (checklist 39)', () => {
    const gate = new Gate(2)
    const verdicts = [1, 2, 3].map(() => gate.enter('a', 0))
    assert.deepEqual(verdicts, ['open', 'open', 'full'])
    gate.leave()
    assert.equal(gate.enter('a', 0), 'open')
    assert.equal(gate.taken, 2)
  })

  it('lets an address in that failed, until it has failed too often (checklist 1)', () => {
    const gate = new Gate(100)
    for (let i = 0; i < FAILED_ATTEMPTS_BURST; i += 1) {
      assert.equal(gate.enter('a', 0), 'open', `attempt ${i}`)
      gate.handleFailed('a', 0)
    }
    assert.equal(gate.enter('a', 0), 'failing')
    assert.equal(gate.enter('b', 0), 'open', 'another address is not to blame')
  })

  it('gives one attempt a second back', () => {
    const gate = new Gate(100)
    for (let i = 0; i < FAILED_ATTEMPTS_BURST; i += 1) gate.handleFailed('a', 0)
    assert.equal(gate.enter('a', 999), 'failing')
    assert.equal(gate.enter('a', 1_000), 'open')
    gate.handleFailed('a', 1_000)
    assert.equal(gate.enter('a', 1_500), 'failing')
  })

  it('never counts those who cannot be told apart', () => {
    const gate = new Gate(100)
    for (let i = 0; i < 50; i += 1) gate.handleFailed(undefined, 0)
    assert.equal(gate.enter(undefined, 0), 'open')
    assert.equal(gate.remembered, 0)
  })

  it('remembers so many addresses, those that failed last', () => {
    const gate = new Gate(1)
    for (let i = 0; i < FAILED_ATTEMPTS_BURST; i += 1) gate.handleFailed('first', 0)
    for (let i = 0; i < FAILED_ADDRESSES_MAX; i += 1) gate.handleFailed(`address ${i}`, 0)
    assert.equal(gate.remembered, FAILED_ADDRESSES_MAX)
    assert.equal(gate.enter('first', 0), 'open', 'the one that has been quiet longest is forgotten')
  })
})
