import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError, ERROR_CODES, isEpicError, isErrorCode, remedyFor } from '@epicserver/contracts'

describe('epic error: what it carries', () => {
  it('has the usual answer of its code to whether it may be repeated', () => {
    assert.equal(new EpicError('Overloaded', 'full').retry, 'safe')
    assert.equal(new EpicError('Timeout', 'late').retry, 'unknown')
    assert.equal(new EpicError('UnknownType', 'no').retry, 'never')
  })

  it('may answer otherwise where more is known', () => {
    assert.equal(new EpicError('Timeout', 'never sent', { retry: 'safe' }).retry, 'safe')
  })

  it('keeps details and cause, and has none where none were given', () => {
    const cause = new Error('disk')
    const error = new EpicError('StoreFull', 'full', { cause, details: { shard: 3 } })
    assert.equal(error.cause, cause)
    assert.deepEqual(error.details, { shard: 3 })
    const bare = new EpicError('StoreFull', 'full')
    assert.equal(Object.hasOwn(bare, 'cause'), false)
    assert.deepEqual(bare.details, {})
  })

  it('says what to do as the catalogue does, unless it knows better', () => {
    assert.equal(remedyFor(new EpicError('Moved', 'x')), ERROR_CODES.Moved.remedy)
    const better = new EpicError('NotFound', 'x', { details: { remedy: 'Look elsewhere.' } })
    assert.equal(remedyFor(better), 'Look elsewhere.')
  })

  it('is an Error with a name of its own, its message and a stack', () => {
    const error = new EpicError('Fenced', 'a newer one exists')
    assert.ok(error instanceof Error)
    assert.equal(String(error), 'EpicError: a newer one exists')
    assert.match(error.stack ?? '', /epic-error\.test/)
  })
})

describe('epic error: telling it from others', () => {
  it('is told from errors that merely look alike', () => {
    assert.equal(isEpicError(new EpicError('Fenced', 'x')), true)
    for (const other of [Object.assign(new Error('x'), { code: 'Fenced' }), null, 'Fenced', {}]) {
      assert.equal(isEpicError(other), false)
    }
  })

  it('knows its codes, and nothing that every object has', () => {
    assert.equal(isErrorCode('Fenced'), true)
    for (const other of ['fenced', '__proto__', 'constructor', 'toString', '', 7, undefined]) {
      assert.equal(isErrorCode(other), false, String(other))
    }
  })
})

describe('epic error: the catalogue', () => {
  it('says in sentences what each code means and what to do', () => {
    for (const [code, { meaning, remedy }] of Object.entries(ERROR_CODES)) {
      assert.match(code, /^[A-Z][A-Za-z]+$/)
      assert.match(meaning, /^[A-Z].*\.$/, code)
      assert.match(remedy, /^[A-Z].*\.$/, code)
      assert.notEqual(meaning, remedy, code)
    }
  })

  it('calls nothing safe that may have run', () => {
    for (const code of ['Timeout', 'NodeLost', 'Unknown', 'Fenced', 'FileFailed'] as const) {
      assert.equal(ERROR_CODES[code].retry, 'unknown', code)
    }
  })
})
