import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { Sampler } from '#src/placement/sampler.ts'
import { ManualClock, rig, type Rig } from '../rig.ts'

/** One turn is looked at of so many; a prime, see sample-rate.ts. */
const SAMPLE_EVERY = 61
const ROUND_MS = 5_000
const LOAD = { cpu: 1, bytes: 0, messages: 0, entities: 2 }

class Talker extends Entity {
  static override settings = settings<Talker>({ persistent: false })
  async hear(): Promise<void> {}
  async chat(there: Ref<Talker>, times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) await there.hear()
  }
}

interface Sampled extends Rig<{ Talker: typeof Talker }> {
  readonly sampler: Sampler
}

function sampled(): Sampled {
  const made = rig({ Talker })
  return { ...made, sampler: new Sampler(made.node) }
}

async function times(count: number, act: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += 1) await act()
}

describe('sampler: turns', () => {
  it('lets one of sixty-one stand for all of them', async () => {
    const { pool, sampler } = sampled()
    sampler.start(false)
    await times(SAMPLE_EVERY - 1, () => pool.Talker['a']!.hear())
    assert.equal(sampler.samples.size, 0)
    await times(3 * SAMPLE_EVERY + 1, () => pool.Talker['a']!.hear())
    await times(SAMPLE_EVERY, () => pool.Talker['b']!.hear())
    const shares = sampler.samples.weigh(LOAD, ROUND_MS).map(({ key, load }) => [key, load.cpu])
    assert.deepEqual(shares, [
      ['Talker/a', 0.8],
      ['Talker/b', 0.2],
    ])
  })

  it('are talk where an entity of the node made the call, seen from both sides', async () => {
    const { pool, sampler } = sampled()
    sampler.start(false)
    await pool.Talker['a']!.chat(pool.Talker['b']!, SAMPLE_EVERY)
    const rate = SAMPLE_EVERY / (2 * (ROUND_MS / 1_000))
    assert.deepEqual(sampler.samples.talks(ROUND_MS), [
      { key: 'Talker/b', with: 'Talker/a', at: 'n1', rate },
      { key: 'Talker/a', with: 'Talker/b', at: 'n1', rate },
    ])
  })

  it('of an entity that calls itself are no talk', async () => {
    const { pool, sampler } = sampled()
    sampler.start(false)
    await pool.Talker['a']!.chat(pool.Talker['a']!, SAMPLE_EVERY)
    assert.deepEqual(sampler.samples.talks(ROUND_MS), [])
  })

  it('are not looked at before it is started', async () => {
    const { pool, sampler } = sampled()
    await times(3 * SAMPLE_EVERY, () => pool.Talker['a']!.hear())
    assert.equal(sampler.samples.size, 0)
  })
})

describe('sampler: who holds the processor', () => {
  /** Holds the thread as long as its turns are. */
  function working(): Rig<{ Holder: ReturnType<typeof holderOn> }> & { sampler: Sampler } {
    const clock = new ManualClock()
    const made = rig({ Holder: holderOn(clock) }, { clock })
    return { ...made, sampler: new Sampler(made.node) }
  }

  function holderOn(clock: ManualClock) {
    return class Holder extends Entity {
      static override settings = settings<Holder>({ persistent: false })
      async hold(ms: number): Promise<void> {
        clock.hold(ms)
      }
    }
  }

  it('is whose turn made the look late, by as many looks as were missed', async () => {
    const { clock, pool, sampler } = working()
    sampler.start(true)
    await pool.Holder['long']!.hold(250 + 60)
    await clock.advance(0)
    await pool.Holder['short']!.hold(20)
    await clock.advance(0)
    const shares = sampler.samples.weigh(LOAD, ROUND_MS).map(({ key, load }) => [key, load.cpu])
    assert.deepEqual(shares, [
      ['Holder/long', 0.8],
      ['Holder/short', 0.2],
    ])
  })

  it('is nobody where nothing has run since the last look', async () => {
    const { clock, pool, sampler } = working()
    await pool.Holder['once']!.hold(0)
    sampler.start(true)
    await clock.advance(250)
    assert.equal(sampler.samples.size, 1)
    sampler.samples.fade()
    sampler.samples.fade()
    sampler.samples.fade()
    sampler.samples.fade()
    await clock.advance(10_000)
    assert.equal(sampler.samples.size, 0)
  })

  it('is not looked for once it is stopped', async () => {
    const { clock, pool, sampler } = working()
    sampler.start(true)
    sampler.stop()
    await pool.Holder['late']!.hold(500)
    await clock.advance(10_000)
    assert.equal(sampler.samples.size, 0)
  })
})
