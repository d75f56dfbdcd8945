import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError, isEpicError } from '@epicserver/contracts'
import { PendingRequests } from '#src/pending-requests.ts'
import type { Ask } from '#src/pending-requests.ts'

const READ: Ask = { attempt: 'read', bytes: Uint8Array.of(1), isChange: false, isRepeatable: true }
const RENEWAL: Ask = {
  attempt: 'renew',
  bytes: Uint8Array.of(2),
  isChange: true,
  isRepeatable: true,
}
const CHANGE: Ask = {
  attempt: 'change',
  bytes: Uint8Array.of(3),
  isChange: true,
  isRepeatable: false,
}

/** What becomes of a request: its result, its error's code, or that it still waits. */
async function outcomeOf(answer: Promise<unknown>): Promise<unknown> {
  return Promise.race([
    answer.catch((error: unknown) => (isEpicError(error) ? error.code : error)),
    new Promise((resolve) => setImmediate(() => resolve('waits'))),
  ])
}

type Happening = (pending: PendingRequests) => void

const leaves: Happening = (pending) => void pending.takeQueued()
const isLost: Happening = (pending) => pending.handleLoss()
const isLate: Happening = (pending) => pending.handleDeadline(100)
const isClosed: Happening = (pending) =>
  pending.refuseAll((attempt) => new EpicError('Unavailable', attempt))

const TABLE: readonly [claim: string, Ask, Happening[], string][] = [
  ['a read that never left and is late is Unavailable', READ, [isLate], 'Unavailable'],
  ['a read that left and is late is Unavailable', READ, [leaves, isLate], 'Unavailable'],
  ['a read whose connection is lost waits for the next', READ, [leaves, isLost], 'waits'],
  ['a read that left and is closed is Unavailable', READ, [leaves, isClosed], 'Unavailable'],
  ['a renewal that never left and is late is Unavailable', RENEWAL, [isLate], 'Unavailable'],
  ['a renewal that left and is late is Unknown', RENEWAL, [leaves, isLate], 'Unknown'],
  ['a renewal whose connection is lost waits for the next', RENEWAL, [leaves, isLost], 'waits'],
  [
    'a renewal that left once, was lost and is late is Unknown',
    RENEWAL,
    [leaves, isLost, isLate],
    'Unknown',
  ],
  ['a change that never left and is late is Unavailable', CHANGE, [isLate], 'Unavailable'],
  ['a change that never left waits while connections are lost', CHANGE, [isLost, isLost], 'waits'],
  ['a change that never left and is closed is Unavailable', CHANGE, [isClosed], 'Unavailable'],
  ['a change that left and is late is Unknown', CHANGE, [leaves, isLate], 'Unknown'],
  ['a change whose connection is lost is Unknown at once', CHANGE, [leaves, isLost], 'Unknown'],
  ['a change that left and is closed is Unknown', CHANGE, [leaves, isClosed], 'Unknown'],
]

describe('pending requests', () => {
  for (const [claim, ask, happenings, expected] of TABLE) {
    it(claim, async () => {
      const pending = new PendingRequests()
      const answer = pending.add(1, ask, 100)
      const outcome = outcomeOf(answer)
      for (const happening of happenings) happening(pending)
      assert.equal(await outcome, expected)
    })
  }

  it('leave once, and a second time only after a loss', () => {
    const pending = new PendingRequests()
    void pending.add(1, READ, 100)
    assert.deepEqual(pending.takeQueued(), [READ.bytes])
    assert.deepEqual(pending.takeQueued(), [])
    pending.handleLoss()
    assert.deepEqual(pending.takeQueued(), [READ.bytes])
  })

  it('that was given up never leaves', async () => {
    const pending = new PendingRequests()
    const outcome = outcomeOf(pending.add(1, CHANGE, 100))
    pending.handleDeadline(100)
    assert.deepEqual(pending.takeQueued(), [])
    assert.equal(await outcome, 'Unavailable')
  })

  it('are not given up before their deadline', async () => {
    const pending = new PendingRequests()
    const outcome = outcomeOf(pending.add(1, READ, 100))
    pending.handleDeadline(99)
    assert.equal(await outcome, 'waits')
    assert.equal(pending.nextDeadline, 100)
  })

  it('take their own answer, once, and no stranger’s', async () => {
    const pending = new PendingRequests()
    const outcome = outcomeOf(pending.add(1, READ, 100))
    pending.handleResult(2, 'a stranger’s')
    pending.handleResult(1, 'mine')
    pending.handleResult(1, 'a duplicate')
    assert.equal(await outcome, 'mine')
    assert.equal(pending.size, 0)
  })

  it('are bounded', () => {
    const pending = new PendingRequests()
    for (let id = 0; id < 10_000; id += 1) void pending.add(id, READ, 100)
    assert.throws(() => pending.add(10_000, READ, 100), { code: 'Overloaded' })
  })
})
