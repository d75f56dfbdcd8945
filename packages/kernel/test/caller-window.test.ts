import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CallerWindow, DEDUP_WINDOW } from '@epicserver/kernel'
import fc from 'fast-check'

describe('caller window', () => {
  it('numbers calls 1, 2, 3 and so on', () => {
    const window = new CallerWindow()
    assert.deepEqual([window.next(), window.next(), window.next()], [1, 2, 3])
    assert.equal(window.size, 3)
  })

  it('lets 64 be unsettled, counted from the lowest, and no more', () => {
    const window = new CallerWindow()
    for (let i = 1; i <= DEDUP_WINDOW; i += 1) assert.equal(window.next(), i)
    assert.equal(window.hasRoom, false)
    assert.throws(() => window.next(), { message: 'Call 65 cannot start: 1 is not settled' })
    window.settle(2)
    assert.equal(window.hasRoom, false)
    window.settle(1)
    assert.equal(window.settledBelow, 3)
    assert.deepEqual([window.next(), window.next()], [65, 66])
    assert.equal(window.hasRoom, false)
  })

  it('settles a call once; again is no error, and one never made is', () => {
    const window = new CallerWindow()
    window.next()
    window.next()
    window.settle(2)
    window.settle(2)
    window.settle(1)
    window.settle(1)
    assert.equal(window.size, 0)
    for (const seq of [0, 3, -1, 1.5, NaN]) assert.throws(() => window.settle(seq), /never made/)
  })

  it('goes on where an earlier one ended', () => {
    const earlier = new CallerWindow()
    earlier.settle(earlier.next())
    const window = new CallerWindow(earlier.nextSeq)
    assert.equal(window.settledBelow, 2)
    assert.equal(window.next(), 2)
    window.settle(1)
    assert.equal(window.size, 1)
    assert.equal(window.nextSeq, 3)
  })

  it('agrees with a plain set of what is settled', () => {
    const step = fc.oneof(fc.constant('next' as const), fc.nat(70))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const window = new CallerWindow()
        const open: number[] = []
        let made = 0
        for (const each of steps) {
          if (each !== 'next') {
            const [seq] = open.splice(each % Math.max(1, open.length), 1)
            if (seq !== undefined) window.settle(seq)
          } else if (window.hasRoom) {
            made += 1
            open.push(window.next())
          }
          const lowest = Math.min(made + 1, ...open)
          assert.equal(window.settledBelow, lowest)
          assert.equal(window.size, open.length)
          assert.equal(window.hasRoom, made < lowest + 63)
        }
      }),
    )
  })
})
