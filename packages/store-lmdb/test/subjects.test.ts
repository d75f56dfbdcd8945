import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Subjects } from '#src/subjects.ts'
import type { EntitySubject } from '#src/subjects.ts'

function many(subjects: Subjects, from: number, count: number): EntitySubject[] {
  return Array.from({ length: count }, (_, i) => subjects.of({ type: 'Thing', id: `${from + i}` }))
}

describe('subjects: of an entity', () => {
  it('is one object, by type and id', () => {
    const subjects = new Subjects()
    const subject = subjects.of({ type: 'Thing', id: 'a' })
    assert.equal(subjects.of({ type: 'Thing', id: 'a' }), subject)
    assert.notEqual(subjects.of({ type: 'Thin', id: 'a' }), subject)
    assert.equal(subject.name, 'Thing/a')
  })

  it('is kept for a while, and comes back young', () => {
    const subjects = new Subjects(4)
    const [first] = many(subjects, 0, 4)
    many(subjects, 4, 3)
    assert.equal(many(subjects, 0, 1)[0], first)
    many(subjects, 7, 4)
    assert.equal(many(subjects, 0, 1)[0], first)
  })

  it('is dropped when two generations of others came', () => {
    const subjects = new Subjects(4)
    const [first] = many(subjects, 0, 1)
    many(subjects, 1, 8)
    assert.notEqual(many(subjects, 0, 1)[0], first)
  })

  it('stays the same however many others come, as long as a request waits', () => {
    const subjects = new Subjects(4)
    const [first] = many(subjects, 0, 1)
    first!.waiting = 1
    many(subjects, 1, 100)
    assert.equal(many(subjects, 0, 1)[0], first)
  })

  it('holds its own copy of the identity', () => {
    const entity = { type: 'Thing', id: 'a' }
    const subject = new Subjects().of(entity)
    entity.id = 'b'
    assert.equal(subject.entity.id, 'a')
  })
})
