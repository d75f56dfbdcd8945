import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Intake } from '#src/cluster/intake.ts'

/** Says whether a promise has resolved by now. */
async function hasResolved(promise: Promise<void>): Promise<boolean> {
  let isResolved = false
  void promise.then(() => (isResolved = true))
  await Promise.resolve()
  await Promise.resolve()
  return isResolved
}

describe('intake', () => {
  it('is clear at once where nothing has come', async () => {
    assert.ok(await hasResolved(new Intake().cleared()))
  })

  it('is clear when all that had come has gone on', async () => {
    const intake = new Intake()
    const groups = [intake.admit(), intake.admit()]
    const cleared = intake.cleared()
    groups[0]?.release()
    assert.ok(!(await hasResolved(cleared)))
    groups[1]?.release()
    assert.ok(await hasResolved(cleared))
  })

  it('does not wait for what comes after the question', async () => {
    const intake = new Intake()
    const before = intake.admit()
    const cleared = intake.cleared()
    intake.admit()
    before.release()
    assert.ok(await hasResolved(cleared))
  })

  it('answers a later question after the earlier ones', async () => {
    const intake = new Intake()
    const early = intake.admit()
    const first = intake.cleared()
    const late = intake.admit()
    const second = intake.cleared()
    late.release()
    assert.ok(!(await hasResolved(second)))
    early.release()
    assert.ok((await hasResolved(first)) && (await hasResolved(second)))
  })
})
