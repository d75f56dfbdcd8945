import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClockWatch } from '#src/clock-watch.ts'

function watch(): ClockWatch {
  const clock = new ClockWatch('b1', new Set())
  clock.handleReading({ wallMs: 1_000_000, uptimeMs: 5_000, boot: 'b1' }, 100)
  return clock
}

describe('clock watch', () => {
  it('finds nothing in clocks that go on together', () => {
    const clock = watch()
    assert.equal(clock.handleReading({ wallMs: 1_060_000, boot: 'b1' }, 60_100), undefined)
    assert.equal(clock.missedMs, 0)
  })

  it('fences when the wall clock ran ahead by over a second', () => {
    const clock = watch()
    assert.equal(clock.handleReading({ wallMs: 1_001_011, boot: 'b1' }, 110), 'clockGap')
  })

  it('adds a shorter gap to all later instants', () => {
    const clock = watch()
    assert.equal(clock.handleReading({ wallMs: 1_000_910, boot: 'b1' }, 110), undefined)
    assert.equal(clock.missedMs, 900)
    assert.equal(clock.handleReading({ wallMs: 1_001_820, boot: 'b1' }, 120), undefined)
    assert.equal(clock.missedMs, 1_800)
  })

  it('takes the noise between two readings for nothing', () => {
    const clock = watch()
    clock.handleReading({ wallMs: 1_000_050, boot: 'b1' }, 110)
    assert.equal(clock.missedMs, 0)
  })

  it('ignores a wall clock that was set back', () => {
    const clock = watch()
    assert.equal(clock.handleReading({ wallMs: 900_000, boot: 'b1' }, 110), undefined)
    assert.equal(clock.missedMs, 0)
  })

  it('sees a suspension that a wall clock set back would hide', () => {
    const clock = watch()
    const reading = { wallMs: 998_000, uptimeMs: 7_500, boot: 'b1' }
    assert.equal(clock.handleReading(reading, 110), 'clockGap')
  })

  it('fences on another boot', () => {
    const clock = watch()
    assert.equal(clock.handleReading({ wallMs: 1_000_010, boot: 'b2' }, 110), 'bootChanged')
  })
})
