import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DEDUP_CALLERS_MAX, DEDUP_WINDOW, KERNEL_LIMITS } from '@epicserver/kernel'

describe('limits', () => {
  it('are above zero, and finite', () => {
    for (const [name, limit] of Object.entries({
      ...KERNEL_LIMITS,
      DEDUP_CALLERS_MAX,
      DEDUP_WINDOW,
    })) {
      assert.ok(limit > 0 && Number.isFinite(limit), name)
    }
  })

  it('leave room: memory beyond which nothing is activated is above that which is aimed at', () => {
    assert.ok(KERNEL_LIMITS.overdraft > 1)
    assert.ok(KERNEL_LIMITS.unreliableShare < 1)
  })
})
