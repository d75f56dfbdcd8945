import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Heartbeat } from '#src/heartbeat.ts'

const plan = { intervalMs: 100, timeoutMs: 250 }

describe('heartbeat', () => {
  it('is fine while something was heard since the last tick', () => {
    const heartbeat = new Heartbeat(plan, 0)
    for (let now = 100; now <= 1000; now += 100) {
      heartbeat.handleHeard()
      assert.equal(heartbeat.handleTick(now), 'fine')
    }
  })

  it('asks after an interval of silence, and gives up after the timeout', () => {
    const heartbeat = new Heartbeat(plan, 0)
    const verdicts = [100, 200, 300].map((now) => heartbeat.handleTick(now))
    assert.deepEqual(verdicts, ['ping', 'ping', 'timeout'])
    assert.equal(heartbeat.silentMs(300), 300)
  })

  it('counts the silence from the tick after the last sign of life', () => {
    const heartbeat = new Heartbeat(plan, 0)
    heartbeat.handleTick(100)
    heartbeat.handleHeard()
    const verdicts = [200, 300, 400, 500].map((now) => heartbeat.handleTick(now))
    assert.deepEqual(verdicts, ['fine', 'ping', 'ping', 'timeout'])
  })

  it('does not blame the other side after it stood still itself', () => {
    const heartbeat = new Heartbeat(plan, 0)
    assert.equal(heartbeat.handleTick(5_000), 'ping', 'a late tick asks')
    assert.equal(heartbeat.handleTick(5_100), 'ping', 'and the silence is counted from there')
    assert.equal(heartbeat.handleTick(5_200), 'ping')
    assert.equal(heartbeat.handleTick(5_300), 'timeout')
  })

  it('takes a tick that is a little late for what it is', () => {
    const heartbeat = new Heartbeat(plan, 0)
    heartbeat.handleTick(110)
    heartbeat.handleTick(230)
    assert.equal(heartbeat.handleTick(340), 'timeout')
  })
})
