import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Activation, ACTIVATION_STEPS, EntityType, type ActivationState } from '@epicserver/kernel'
import type { ActivationEvent } from '@epicserver/kernel'
import { nameOfEntity } from '#src/activation.ts'
import { classPlan } from './driver.ts'

const STATES = Object.keys(ACTIVATION_STEPS) as ActivationState[]
const EVENTS = [...new Set(STATES.flatMap((state) => Object.keys(ACTIVATION_STEPS[state])))]

function activationIn(state: ActivationState): Activation {
  const activation = new Activation(new EntityType(classPlan('Room')), 'a', 1n, 0, 600)
  activation.state = state
  return activation
}

describe('activation: its states', () => {
  it('follow the table, and nothing but the table', () => {
    for (const state of STATES) {
      for (const event of EVENTS as ActivationEvent[]) {
        const activation = activationIn(state)
        const next = ACTIVATION_STEPS[state][event]
        if (next === undefined) {
          assert.throws(() => activation.step(event), {
            message: `"Room/a" cannot take the step ${event} while ${state}`,
          })
          assert.equal(activation.state, state)
        } else {
          assert.equal(activation.step(event), next)
          assert.equal(activation.state, next)
        }
      }
    }
  })

  it('can all be reached from claiming, and all lead to gone', () => {
    const reachable = (from: ActivationState): Set<ActivationState> => {
      const seen = new Set([from])
      for (const state of seen) {
        for (const next of Object.values(ACTIVATION_STEPS[state])) seen.add(next)
      }
      return seen
    }
    assert.deepEqual([...reachable('claiming')].toSorted(), STATES.toSorted())
    for (const state of STATES) assert.ok(reachable(state).has('gone'), state)
  })

  it('end with gone: nothing follows it, and any other may be dropped', () => {
    assert.deepEqual(ACTIVATION_STEPS.gone, {})
    for (const state of STATES) {
      if (state !== 'gone') assert.equal(ACTIVATION_STEPS[state].drop, 'gone', state)
    }
  })
})

describe('activation: its name', () => {
  it('is the type and the id, in quotes', () => {
    assert.equal(nameOfEntity(activationIn('active')), '"Room/a"')
  })
})
