import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { measureLoop } from './loop.ts'

describe('the loops of the benchmark', () => {
  for (const loop of ['bare', 'calls', 'msgpack'] as const) {
    it(`${loop}: calls are answered`, async () => {
      const { callsPerSecond } = await measureLoop(loop, {
        inFlight: 10,
        warmUpMs: 10,
        measureMs: 50,
      })
      assert.ok(callsPerSecond > 0)
    })
  }
})
