import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Handlers, UNHANDLED, anyKey } from '#src/handlers.ts'

const answer = (text: string) => (): string => text

describe('handlers', () => {
  it('are found by the type of the message, a string or a number', () => {
    const handlers = new Handlers<unknown, null>()
    handlers.register('say', answer('said'))
    handlers.register(7, answer('seven'))
    assert.equal(handlers.dispatch({ type: 'say' }, null), 'said')
    assert.equal(handlers.dispatch({ type: 7 }, null), 'seven')
    assert.equal(handlers.dispatch({ type: '7' }, null), UNHANDLED)
  })

  it('are found by a key of the pipe’s choice', () => {
    const handlers = new Handlers<readonly unknown[], null>((message) => message[0] as string)
    handlers.register('move', answer('moved'))
    assert.equal(handlers.dispatch(['move', 1], null), 'moved')
  })

  it('with a key of their own are asked after those, and the handler of any key last', () => {
    const handlers = new Handlers<{ type: string; room: string }, null>()
    handlers.register('say', answer('by type'))
    handlers.register(({ room }) => room, { lobby: answer('by room') })
    handlers.register(anyKey, answer('by nothing'))
    const dispatch = (type: string, room: string): unknown =>
      handlers.dispatch({ type, room }, null)
    assert.equal(dispatch('say', 'lobby'), 'by type')
    assert.equal(dispatch('shout', 'lobby'), 'by room')
    assert.equal(dispatch('shout', 'cellar'), 'by nothing')
  })

  it('are taken back, unless another has replaced them', () => {
    const handlers = new Handlers<unknown, null>()
    const undoFirst = handlers.register('say', answer('first'))
    const undoSecond = handlers.register('say', answer('second'))
    undoFirst()
    assert.equal(handlers.dispatch({ type: 'say' }, null), 'second')
    undoSecond()
    assert.equal(handlers.dispatch({ type: 'say' }, null), UNHANDLED)
    assert.ok(handlers.isEmpty)
  })

  it('are never what a key from the wire inherits (checklist 12)', () => {
    const handlers = new Handlers<unknown, null>()
    handlers.register('say', answer('said'))
    handlers.register((message) => (message as { type: string }).type, { say: answer('again') })
    for (const type of ['__proto__', 'constructor', 'toString', 'then', 'hasOwnProperty']) {
      assert.equal(handlers.dispatch({ type }, null), UNHANDLED, type)
    }
    assert.equal(
      handlers.dispatch(Object.create({ type: 'say' }), null),
      'again',
      'only by its own keyOf',
    )
  })

  it('get nothing from messages without a key', () => {
    const handlers = new Handlers<unknown, null>()
    handlers.register('say', answer('said'))
    for (const message of [null, undefined, 3, 'say', [], {}, { type: {} }, { type: null }]) {
      assert.equal(handlers.dispatch(message, null), UNHANDLED)
    }
  })
})
