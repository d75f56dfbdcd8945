import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { entityIdProblem, formatEntityId, isTypeName, parseEntityId } from '@epicserver/contracts'
import fc from 'fast-check'

describe('entity id: its text', () => {
  it('is split at the first slash, so that an id may hold slashes', () => {
    assert.deepEqual(parseEntityId('Room/eu/7'), { type: 'Room', id: 'eu/7' })
    assert.deepEqual(parseEntityId('Room//'), { type: 'Room', id: '/' })
  })

  it('comes back as it was, whatever a person typed', () => {
    const ids = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
    const allowed = ids.filter((id) => entityIdProblem('Player', id) === undefined)
    fc.assert(
      fc.property(allowed, (id) => {
        assert.deepEqual(parseEntityId(formatEntityId({ type: 'Player', id })), {
          type: 'Player',
          id,
        })
      }),
    )
  })

  it('is refused without a type, a slash or an id', () => {
    for (const text of ['', '/', '/bob', 'bob', 'Player/', '3d/x', 'A B/x']) {
      assert.throws(() => parseEntityId(text), { code: 'InvalidId', retry: 'never' }, text)
    }
    assert.throws(() => parseEntityId('bob'), {
      message: 'Cannot read "bob" as an entity: it has no "Type/id" form',
    })
  })
})

describe('entity id: an id', () => {
  it('may be anything that people type, in any script (checklist 14)', () => {
    const ids = ['0', ' ', '.', '..', '__proto__', 'constructor', 'a/b', '日本', '😀', '\t', '%00']
    for (const id of ids) assert.equal(entityIdProblem('Player', id), undefined, id)
  })

  it('may not be empty', () => {
    assert.equal(entityIdProblem('Player', ''), 'the id is empty')
  })

  it('may have 512 characters and no more (checklist 14)', () => {
    assert.equal(entityIdProblem('Player', 'a'.repeat(512)), undefined)
    assert.equal(
      entityIdProblem('Player', 'a'.repeat(513)),
      'the id has 513 of at most 512 characters',
    )
  })

  it('may not end a string or forge a line elsewhere', () => {
    for (const id of ['a\0', '\n', 'a\rb', '\u2028', '\u2029']) {
      assert.equal(
        entityIdProblem('Player', id),
        'the id holds a NUL or a line break',
        JSON.stringify(id),
      )
    }
  })

  it('may not hold half of a surrogate pair (checklist 14)', () => {
    for (const id of ['\ud83d', 'a\udc00', '\udc00\ud800', '\ud800\ud800\udc00']) {
      assert.equal(
        entityIdProblem('Player', id),
        'the id holds half of a surrogate pair',
        JSON.stringify(id),
      )
    }
  })
})

describe('entity id: a type name', () => {
  it('is a JavaScript name, dots and dashes allowed inside', () => {
    for (const name of ['A', '_', '$x', 'Game.Player', 'a-b', 'A1', '__proto__']) {
      assert.equal(isTypeName(name), true, name)
    }
    for (const name of ['', '1A', '.A', '-a', 'a b', 'a/b', 'é', 'A\n', 'a'.repeat(129)]) {
      assert.equal(isTypeName(name), false, JSON.stringify(name))
    }
  })

  it('that is wrong is named in the problem', () => {
    assert.equal(entityIdProblem('1A', 'x'), '"1A" is not a type name')
  })
})
