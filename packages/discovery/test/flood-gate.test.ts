import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FloodGate } from '#src/flood-gate.ts'
import { FLOOD_PAUSE_MS, PACKETS_PER_SECOND } from '#src/limits.ts'

test('flood gate: a busy network is read', () => {
  const gate = new FloodGate()
  const everyMs = 1_000 / PACKETS_PER_SECOND
  for (let i = 0; i < 5 * PACKETS_PER_SECOND; i += 1)
    assert.equal(gate.handlePacket(i * everyMs), 0)
  assert.equal(gate.floods, 0)
})

test('flood gate: of 100,000 packets a second only some hundred are read, then a pause is asked for', () => {
  const gate = new FloodGate()
  let read = 0
  let now = 0
  while (now < 10_000) {
    const pauseMs = gate.handlePacket(now)
    if (pauseMs === 0) read += 1
    now += pauseMs === 0 ? 0.01 : pauseMs
  }
  assert.ok(read <= 10 * PACKETS_PER_SECOND, `${read} packets were read`)
  assert.equal(gate.floods, Math.ceil(10_000 / (FLOOD_PAUSE_MS + PACKETS_PER_SECOND * 0.01)))
})
