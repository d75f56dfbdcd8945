import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Gate, type GateState } from '@epicserver/kernel'
import fc from 'fast-check'
import { TestHeld } from './driver.ts'

function gateIn(state: GateState): Gate {
  const gate = new Gate()
  if (state !== 'resting') gate.hold(new TestHeld())
  if (state === 'writing') gate.beginWrite()
  return gate
}

describe('gate: its states', () => {
  const steps = {
    hold: (gate: Gate): unknown => gate.hold(new TestHeld()),
    takeClean: (gate: Gate): unknown => gate.takeClean(),
    beginWrite: (gate: Gate): unknown => gate.beginWrite(),
    takeWritten: (gate: Gate): unknown => gate.takeWritten(),
    takeAll: (gate: Gate): unknown => gate.takeAll(),
  }
  /** Where each step leads; `null` where it is a mistake of the program. */
  const table: Record<GateState, Record<keyof typeof steps, GateState | null>> = {
    resting: {
      hold: 'unsettled',
      takeClean: 'resting',
      beginWrite: 'writing',
      takeWritten: 'resting',
      takeAll: 'resting',
    },
    unsettled: {
      hold: 'unsettled',
      takeClean: 'resting',
      beginWrite: 'writing',
      takeWritten: 'unsettled',
      takeAll: 'resting',
    },
    writing: {
      hold: 'writing',
      takeClean: null,
      beginWrite: null,
      takeWritten: 'resting',
      takeAll: 'resting',
    },
  }

  it('follow the table', () => {
    for (const state of Object.keys(table) as GateState[]) {
      for (const step of Object.keys(steps) as (keyof typeof steps)[]) {
        const gate = gateIn(state)
        const next = table[state][step]
        if (next === null) assert.throws(() => steps[step](gate), Error, `${state} ${step}`)
        else steps[step](gate)
        assert.equal(gate.state, next ?? state, `${state} ${step}`)
      }
    }
  })

  it('ask for a comparison once', () => {
    const gate = new Gate()
    assert.equal(gate.hold(new TestHeld()), true)
    assert.equal(gate.hold(new TestHeld()), false)
    gate.beginWrite()
    assert.equal(gate.hold(new TestHeld()), false)
    assert.equal(gate.size, 3)
  })
})

describe('gate: what it lets through', () => {
  it('leaves in the order in which it came, and nothing before the write that it waits for', () => {
    const step = fc.constantFrom('hold', 'clean', 'write', 'written')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (actions) => {
        const gate = new Gate()
        const all: TestHeld[] = []
        const released: TestHeld[] = []
        let mayLeave = 0
        for (const action of actions) {
          if (action === 'hold') {
            all.push(new TestHeld(released))
            gate.hold(all.at(-1) as TestHeld)
          } else if (action === 'clean' && gate.state !== 'writing') {
            for (const held of gate.takeClean()) held.release()
            mayLeave = all.length
          } else if (action === 'write' && gate.state !== 'writing') {
            gate.beginWrite()
            mayLeave = all.length
          } else if (action === 'written') {
            for (const held of gate.takeWritten()) held.release()
          }
          assert.deepEqual(released, all.slice(0, released.length))
          assert.ok(released.length <= mayLeave)
          assert.equal(gate.size, all.length - released.length)
        }
        for (const held of gate.takeAll()) held.release()
        assert.deepEqual(released, all)
      }),
    )
  })
})
