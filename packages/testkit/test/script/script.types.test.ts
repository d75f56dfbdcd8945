/** What the compiler must accept and refuse of scripts. Compiling this file is the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { ref, script } from '@epicserver/testkit'

class Door extends Entity {
  static override settings = settings<Door>({ operations: { knock: { oneWay: true } } })
  isOpen = false
  count(): number {
    return 1
  }
  knock(_times: number): void {}
  async open(_by: string): Promise<boolean> {
    return this.isOpen
  }
}

class Guest extends Entity {
  name = ''
  async visit(_door: Ref<Door>): Promise<number> {
    return 1
  }
}

// Never run: the compiler is what is tested.
export async function accepted(): Promise<void> {
  const guest = script(Guest, 'eve', { state: { name: 'Eve' } })
  const door = ref(Door, 1)
  const turn = guest.call('visit', door)
  await turn.expectCall(door, 'open').reply(true)
  await turn.expectCall(door, 'open', 'eve').reply(true)
  await turn.expectMessage(door, 'knock', 3)
  await turn.expectReply(1)
  expectTypeOf(guest.state).toEqualTypeOf<{ readonly name: string }>()
  expectTypeOf(turn.reply()).resolves.toEqualTypeOf<number>()
}

export async function refused(): Promise<void> {
  const guest = script(Guest, 'eve')
  const door = ref(Door, 1)
  // @ts-expect-error no such operation
  guest.call('leave')
  // @ts-expect-error a field is no operation
  guest.call('name')
  // @ts-expect-error an argument is missing
  guest.call('visit')
  // @ts-expect-error an argument of another type
  guest.call('visit', 'door')
  // @ts-expect-error a guest is no door
  const turn = guest.call('visit', ref(Guest, 'bob'))
  // @ts-expect-error the result is a number
  await turn.expectReply('one')
  // @ts-expect-error the operation results in a boolean
  await turn.expectCall(door, 'open').reply(1)
  // @ts-expect-error a one-way operation has no reply
  turn.expectCall(door, 'knock')
  // @ts-expect-error an awaited operation is no message
  await turn.expectMessage(door, 'open')
  // @ts-expect-error a synchronous method is no operation
  turn.expectCall(door, 'count')
  // @ts-expect-error an argument of another type
  turn.expectCall(door, 'open', 3)
  // @ts-expect-error no such field
  script(Guest, 'eve', { state: { age: 3 } })
  // @ts-expect-error no such field
  void guest.state.age
  // @ts-expect-error no such error code
  await turn.expectError('OutOfCheese')
}

test('script types: what must not compile does not', () => {
  assert.equal(typeof accepted, 'function')
})
