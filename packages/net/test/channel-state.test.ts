import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CHANNEL_TRANSITIONS, isOver } from '#src/channel-state.ts'
import { assertTable, reachable } from './table-walk.ts'

describe('channel state', () => {
  it('goes as its table says', () => {
    assertTable(CHANNEL_TRANSITIONS, {
      events: ['asked', 'flushed', 'told', 'ended', 'torn'],
      rows: {
        open: 'closing – answering destroyed destroyed',
        closing: 'closing lingering answering destroyed destroyed',
        lingering: 'lingering – ending destroyed destroyed',
        answering: 'answering ending – destroyed destroyed',
        ending: 'ending – – closed closed',
        closed: 'closed – – closed closed',
        destroyed: 'destroyed – – destroyed destroyed',
      },
    })
  })

  it('ends in closed or destroyed, and leaves neither', () => {
    assert.ok(reachable(CHANNEL_TRANSITIONS, 'open').has('closed'))
    for (const state of ['closed', 'destroyed'] as const) {
      assert.ok(isOver(state))
      assert.deepEqual([...reachable(CHANNEL_TRANSITIONS, state)], [state])
    }
  })
})
