import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DRAIN_MS, TURN_MS } from '#src/limits.ts'
import { Runner } from '#src/runner.ts'
import type { Run, RunOutcome, RunPolicy } from '#src/runner.ts'
import { VirtualClock, promisesGoOn } from './virtual-clock.ts'

interface Fixture {
  readonly clock: VirtualClock
  readonly runner: Runner
  /** The names of runnables, in the order of their turns. */
  readonly turns: string[]
  readonly faults: unknown[]
  readonly add: (
    name: string,
    options?: { policy?: RunPolicy; priority?: number; work?: () => RunOutcome },
  ) => Run
}

function fixture(): Fixture {
  const clock = new VirtualClock()
  const faults: unknown[] = []
  const runner = new Runner({ clock, onFault: (error) => faults.push(error) })
  const turns: string[] = []
  return {
    clock,
    runner,
    turns,
    faults,
    add: (name, { policy = 'standalone', priority = 2, work = (): RunOutcome => 'done' } = {}) =>
      runner.add(
        {
          priority,
          run: () => {
            turns.push(name)
            return work()
          },
          describe: () => name,
        },
        policy,
      ),
  }
}

/** A promise that the test settles. */
function gate(): { promise: Promise<void>; open: () => void; fail: (error: Error) => void } {
  let open: () => void = () => {}
  let fail: (error: Error) => void = () => {}
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}

describe('runner', () => {
  it('gives a turn to what is woken, after input was read', async () => {
    const { clock, turns, add } = fixture()
    const run = add('a')
    assert.equal(run.state, 'suspended')
    run.wake()
    assert.equal(run.state, 'ready')
    assert.deepEqual(turns, [])
    await clock.run(0)
    assert.deepEqual(turns, ['a'])
    assert.equal(run.state, 'suspended')
  })

  it('gives turns at once at the end of receiving', () => {
    const { runner, turns, add, clock } = fixture()
    const run = add('a')
    runner.beginReceiving()
    run.wake()
    runner.endReceiving()
    assert.deepEqual(turns, ['a'])
    assert.equal(clock.timers, 0, 'nothing is left to schedule')
  })

  it('gives the most urgent the first turn', async () => {
    const { clock, turns, add } = fixture()
    for (const priority of [4, 2, 0, 3, 1]) add(`${priority}`, { priority }).wake()
    await clock.run(0)
    assert.deepEqual(turns, ['0', '1', '2', '3', '4'])
  })

  it('offers every sixteenth turn to the least urgent, so that none starves', async () => {
    const { clock, turns, add } = fixture()
    let left = 100
    add('urgent', { priority: 0, work: () => ((left -= 1) > 0 ? 'more' : 'done') }).wake()
    add('low', { priority: 4 }).wake()
    await clock.run(0)
    assert.ok(turns.indexOf('low') < 17, `its turn was number ${turns.indexOf('low')}`)
  })

  it('goes round among equals', async () => {
    const { clock, turns, add } = fixture()
    for (const name of ['a', 'b']) {
      let left = 2
      add(name, { work: () => ((left -= 1) > 0 ? 'more' : 'done') }).wake()
    }
    await clock.run(0)
    assert.deepEqual(turns, ['a', 'b', 'a', 'b'])
  })

  it('stops when its time is up, and goes on after input was read', async () => {
    const { clock, runner, turns, add } = fixture()
    add('a', {
      work: () => {
        clock.standStill(TURN_MS)
        return 'more'
      },
    }).wake()
    runner.drain()
    assert.equal(turns.length, DRAIN_MS / TURN_MS)
    assert.equal(runner.readyCount, 1)
    await clock.run(0)
    assert.ok(turns.length > DRAIN_MS / TURN_MS)
  })

  it('suspends what waits for a promise, and nothing else', async () => {
    const { clock, turns, add } = fixture()
    const waiting = gate()
    const slow = add('slow', { work: () => (turns.length === 1 ? waiting.promise : 'done') })
    slow.wake()
    await clock.run(0)
    assert.equal(slow.state, 'suspended')
    slow.wake()
    add('other').wake()
    await clock.run(0)
    assert.deepEqual(turns, ['slow', 'other'])
    waiting.open()
    await clock.run(0)
    assert.deepEqual(turns, ['slow', 'other', 'slow'])
  })

  it('group: the others wait while one of them waits for its promise', async () => {
    const { clock, turns, add } = fixture()
    const waiting = gate()
    const policy = { group: 'rooms' }
    add('first', { policy, work: () => (turns.length === 1 ? waiting.promise : 'done') }).wake()
    add('second', { policy }).wake()
    add('stranger', { policy: { group: 'halls' } }).wake()
    await clock.run(0)
    assert.deepEqual(turns, ['first', 'stranger'])
    waiting.open()
    await clock.run(0)
    assert.deepEqual(turns, ['first', 'stranger', 'second', 'first'])
  })

  it('a hold suspends until it is released as often', async () => {
    const { clock, turns, add } = fixture()
    const run = add('a')
    run.hold()
    run.hold()
    run.wake()
    await clock.run(0)
    run.release()
    await clock.run(0)
    assert.deepEqual(turns, [])
    run.release()
    await clock.run(0)
    assert.deepEqual(turns, ['a'])
    assert.throws(() => run.release(), /released more often/)
  })

  it('a wake during its own turn gives another', async () => {
    const { clock, turns, add } = fixture()
    const run: Run = add('a', {
      work: () => {
        if (turns.length === 1) run.wake()
        return 'done'
      },
    })
    run.wake()
    await clock.run(0)
    assert.deepEqual(turns, ['a', 'a'])
  })

  it('what is held and released in its queue has one turn', async () => {
    const { clock, turns, runner, add } = fixture()
    const run = add('a')
    run.wake()
    run.hold()
    run.release()
    assert.equal(runner.readyCount, 1)
    await clock.run(0)
    assert.deepEqual(turns, ['a'])
  })

  it('what is removed has no turn any more', async () => {
    const { clock, turns, runner, add } = fixture()
    const run = add('a')
    run.wake()
    run.remove()
    run.wake()
    await clock.run(0)
    assert.deepEqual(turns, [])
    assert.equal(runner.describe(), 'runner of 0, 0 ready')
  })

  it('reports what a runnable throws or rejects with, and goes on', async () => {
    const { clock, faults, turns, add } = fixture()
    const waiting = gate()
    add('throws', {
      work: () => {
        if (faults.length === 0) throw new Error('thrown')
        return 'done'
      },
    }).wake()
    add('rejects', { work: () => (turns.length < 3 ? waiting.promise : 'done') }).wake()
    await clock.run(0)
    waiting.fail(new Error('rejected'))
    await promisesGoOn()
    await clock.run(0)
    assert.deepEqual(
      faults.map((error) => (error as Error).message),
      ['thrown', 'rejected'],
    )
    assert.deepEqual(turns, ['throws', 'rejects', 'throws', 'rejects'])
  })
})
