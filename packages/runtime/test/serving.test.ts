/** A node that may not serve for a while: what it must not do, and that it goes on when it may again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, SoloRouter } from '@epicserver/runtime'
import { quiet, rig } from './rig.ts'

class LeasedRouter extends SoloRouter {
  isLeased = true
  override canServe(): boolean {
    return this.isLeased
  }
}

class Bell extends Entity {
  static override settings = settings<Bell>({ operations: { ring: {} } })
  rung = 0
  async start(): Promise<void> {
    this.timer.set('ring', 'ring', { intervalMs: 100 })
  }
  async ring(): Promise<number> {
    this.rung += 1
    return this.rung
  }
}

describe('a node whose lease is in doubt', () => {
  it('runs nothing and answers nothing; after a late renewal timers and replies go on by themselves', async () => {
    const router = new LeasedRouter()
    const { pool, clock } = rig({ Bell }, { router })
    const bell = pool.Bell['b']!
    await bell.start()
    let told = 0
    void bell.ring().then((rung) => (told = rung))
    router.isLeased = false
    await quiet()
    await clock.advance(2_000)
    assert.equal(told, 0)
    router.isLeased = true
    await clock.advance(1_200)
    assert.ok(told > 0, 'the reply that waited has left')
    const before = await bell.ring()
    await clock.advance(1_000)
    assert.ok((await bell.ring()) > before + 5, 'the timer fires')
  })
})
