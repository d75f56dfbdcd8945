import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { printable } from '#src/printable.ts'

describe('printable', () => {
  it('leaves plain text as it is', () => {
    assert.equal(printable('größer als 3'), 'größer als 3')
  })

  it('shows what forges lines or moves cursors as dots (checklist 31)', () => {
    assert.equal(printable('a\nb\r\u001b[2Jc\u2028d\u202ee\u0000'), 'a·b··[2Jc·d·e·')
  })

  it('cuts an essay', () => {
    assert.equal(printable('x'.repeat(10_000)).length, 201)
  })
})
