import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KeyedTimers } from '#src/timers.ts'
import { VirtualClock } from './virtual-clock.ts'

function fixture(): {
  clock: VirtualClock
  timers: KeyedTimers
  fired: string[]
  note: (what: string) => () => void
} {
  const clock = new VirtualClock()
  const fired: string[] = []
  const note = (what: string) => (): void => void fired.push(`${what} at ${clock.now()}`)
  return { clock, timers: new KeyedTimers(clock), fired, note }
}

describe('keyed timers', () => {
  it('fire once', async () => {
    const { clock, timers, fired, note } = fixture()
    timers.once('a', note('a'), 10)
    await clock.run(100)
    assert.deepEqual(fired, ['a at 10'])
    assert.equal(timers.size, 0)
  })

  it('fire after a delay, then at intervals, so many times', async () => {
    const { clock, timers, fired, note } = fixture()
    timers.set('a', note('a'), { delayMs: 5, intervalMs: 10, times: 3 })
    await clock.run(100)
    assert.deepEqual(fired, ['a at 5', 'a at 15', 'a at 25'])
    assert.equal(clock.timers, 0)
  })

  it('wait an interval before the first time when there is no delay', async () => {
    const { clock, timers, fired, note } = fixture()
    timers.set('a', note('a'), { intervalMs: 10 })
    await clock.run(25)
    assert.deepEqual(fired, ['a at 10', 'a at 20'])
    assert.ok(timers.has('a'))
  })

  it('replace each other by key', async () => {
    const { clock, timers, fired, note } = fixture()
    timers.once('a', note('first'), 10)
    timers.once('a', note('second'), 20)
    await clock.run(100)
    assert.deepEqual(fired, ['second at 20'])
  })

  it('can be taken back, one or all', async () => {
    const { clock, timers, fired, note } = fixture()
    timers.once('a', note('a'), 10)
    timers.once('b', note('b'), 10)
    assert.equal(timers.cancel('a'), true)
    assert.equal(timers.cancel('a'), false)
    assert.equal(timers.describe(), 'timers b')
    timers.cancelAll()
    await clock.run(100)
    assert.deepEqual(fired, [])
    assert.equal(clock.timers, 0)
  })

  it('go on when their function throws', async () => {
    const { clock, timers } = fixture()
    timers.set('a', () => assert.fail('on purpose'), { intervalMs: 10 })
    await assert.rejects(clock.run(15), /on purpose/)
    assert.ok(timers.has('a'))
    assert.equal(clock.timers, 1)
  })

  it('may set their own key again while they fire', async () => {
    const { clock, timers, fired, note } = fixture()
    timers.once('a', () => timers.once('a', note('again'), 5), 10)
    await clock.run(100)
    assert.deepEqual(fired, ['again at 15'])
  })
})
