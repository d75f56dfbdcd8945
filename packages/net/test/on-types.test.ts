import { describe, it } from 'node:test'
import { expectTypeOf } from 'expect-type'
import type { Channel } from '#src/channel.ts'
import type { Sink } from '#src/sink.ts'

type Message =
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'move'; readonly x: number }

/** Never called: the compiler is the test. */
function typed(channel: Channel<Message>, sink: Sink<Message>, untyped: Channel): void {
  channel.on('say', (message, from) => {
    expectTypeOf(message).toEqualTypeOf<{ readonly type: 'say'; readonly text: string }>()
    expectTypeOf(from).toEqualTypeOf<Channel<Message>>()
  })
  sink.on('move', (message) => expectTypeOf(message.x).toEqualTypeOf<number>())
  channel.on((message) => message.type, {
    say: (message) => expectTypeOf(message).toEqualTypeOf<Message>(),
  })
  untyped.on('say', (message) => expectTypeOf(message).toEqualTypeOf<unknown>())
  channel.send({ type: 'say', text: 'hi' }, { lane: 'high' })
  // @ts-expect-error -- a message of another shape
  channel.send({ type: 'say' })
  // @ts-expect-error -- no such lane
  channel.send({ type: 'move', x: 1 }, { lane: 'express' })
  // @ts-expect-error -- no room is ever waited for on the unreliable lane
  void channel.whenRoom('unreliable')
}

describe('types of messages', () => {
  it('follow from the type of the channel, by key', () => {
    expectTypeOf(typed).toBeFunction()
  })
})
