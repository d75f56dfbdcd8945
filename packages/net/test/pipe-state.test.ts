import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PIPE_TRANSITIONS, isPipeOpen } from '#src/pipe-state.ts'
import { assertTable, reachable } from './table-walk.ts'

describe('pipe state', () => {
  it('goes as its table says', () => {
    assertTable(PIPE_TRANSITIONS, {
      events: ['listen', 'listening', 'failed', 'close', 'destroy', 'emptied'],
      rows: {
        idle: 'starting – – closing destroyed idle',
        starting: '– listening idle closing destroyed starting',
        listening: '– – – closing destroyed listening',
        closing: '– closing closing closing destroyed closed',
        closed: '– closed closed closed closed closed',
        destroyed: '– destroyed destroyed destroyed destroyed destroyed',
      },
    })
  })

  it('ends in closed or destroyed, and leaves neither', () => {
    for (const state of ['closed', 'destroyed'] as const) {
      assert.ok(!isPipeOpen(state))
      assert.deepEqual([...reachable(PIPE_TRANSITIONS, state)], [state])
    }
  })
})
