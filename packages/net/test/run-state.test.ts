import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RUN_TRANSITIONS } from '#src/run-state.ts'
import { assertTable, reachable } from './table-walk.ts'

describe('run state', () => {
  it('goes as its table says', () => {
    assertTable(RUN_TRANSITIONS, {
      events: ['wake', 'hold', 'release', 'start', 'finish', 'yield'],
      rows: {
        suspended: 'ready suspended ready – – –',
        ready: 'ready suspended – running – –',
        running: 'running running running – suspended ready',
      },
    })
  })

  it('reaches every state from every other', () => {
    for (const state of ['suspended', 'ready', 'running'] as const) {
      assert.equal(reachable(RUN_TRANSITIONS, state).size, 3)
    }
  })
})
