import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, type EntityNode } from '@epicserver/runtime'
import type { RefObject } from '#src/model/ref.ts'
import { Roster, SUBSCRIBERS_MAX, type RosterFields } from '#src/topics/roster.ts'
import { rig } from '../rig.ts'

class Person extends Entity {}
class Ghost extends Entity {}

const { node } = rig({ Person, Ghost })

function open(fields: RosterFields, on: EntityNode = node): Roster {
  return new Roster(on.codec.messages, fields)
}

function person(id: string | number, type = 'Person'): RefObject {
  return node.refTo(type, String(id))
}

function add(roster: Roster, ref: RefObject, operation = 'hear'): void {
  roster.add({ subscriber: ref, operation, filter: null })
}

function hearers(roster: Roster, message: unknown = null): string[] {
  return [...roster.hearersOf(message)].map((one) => `${String(one.subscriber)} ${one.operation}`)
}

describe('roster of a topic', () => {
  it('is read from the fields in which it was saved', () => {
    const fields: RosterFields = {}
    const roster = open(fields)
    for (let i = 0; i < 500; i += 1) add(roster, person(i))
    for (let i = 0; i < 500; i += 2) roster.remove(person(i))
    const again = open(fields)
    assert.equal(again.size, 250)
    assert.deepEqual(new Set(hearers(again)), new Set(hearers(roster)))
  })

  it('leaves no field behind when the last has gone', () => {
    const fields: RosterFields = {}
    const roster = open(fields)
    add(roster, person('ann'))
    assert.equal(Object.keys(fields).length, 1)
    assert.equal(roster.remove(person('ann')), true)
    assert.equal(roster.remove(person('ann')), false)
    assert.deepEqual(fields, {})
  })

  it('touches one field for each change', () => {
    const fields: RosterFields = {}
    const roster = open(fields)
    for (let i = 0; i < 1_000; i += 1) add(roster, person(i))
    const before = { ...fields }
    add(roster, person('one more'))
    const changed = Object.keys(fields).filter((name) => fields[name] !== before[name])
    assert.equal(changed.length, 1)
  })

  it('keeps what each wants to hear', () => {
    const fields: RosterFields = {}
    const filter = { op: 'lt', field: 'price', value: 100n } as const
    open(fields).add({ subscriber: person('ann'), operation: 'buy', filter })
    const roster = open(fields)
    assert.deepEqual(hearers(roster, { price: 99n }), ['Person/ann buy'])
    assert.deepEqual(hearers(roster, { price: 100n }), [])
    assert.deepEqual(hearers(roster, 99n), [])
  })

  it('has room for so many, and for changes of those', () => {
    const roster = open({})
    for (let i = 0; i < SUBSCRIBERS_MAX; i += 1) add(roster, person(i))
    assert.throws(() => add(roster, person('one more')), {
      code: 'Overloaded',
      message: `Cannot subscribe "Person/one more": the topic has ${SUBSCRIBERS_MAX} of at most ${SUBSCRIBERS_MAX} subscribers`,
    })
    add(roster, person(7), 'listen')
    assert.equal(roster.size, SUBSCRIBERS_MAX)
    roster.remove(person(8))
    add(roster, person('one more'))
    assert.equal(roster.size, SUBSCRIBERS_MAX)
  })

  it('leaves out whose class the app has no more', () => {
    const fields: RosterFields = {}
    const roster = open(fields)
    add(roster, person('ann'))
    add(roster, person('boo', 'Ghost'))
    const { node: later } = rig({ Person })
    assert.deepEqual(hearers(open(fields, later)), ['Person/ann hear'])
  })

  it('takes no field for a bucket that is none, nor what does not decode for subscribers', () => {
    const roster = open({ name: 'x', b1: '%%%', b2: 'AAAA', constructor: 'x' } as RosterFields)
    assert.deepEqual(hearers(roster), [])
  })
})
