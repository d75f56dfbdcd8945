/** What those are told who misspell a name, in JavaScript or past the compiler. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineApp, Entity, type EntityClass } from '@epicserver/runtime'
import { rig } from './rig.ts'

class Player extends Entity {
  async level(): Promise<number> {
    return 1
  }
  async grow(): Promise<void> {
    this.timer.once('grow', 'levle', 1)
  }
}

test('pool: a class that the app does not have is named, with the nearest that it has', () => {
  const pool = rig({ Player }).pool as unknown as Record<string, Record<string, unknown>>
  assert.throws(() => pool['Playr']!['bob'], {
    code: 'UnknownType',
    message: 'Cannot find entity type "Playr": the app has Player; did you mean Player?',
  })
})

test('pool: what languages, test tools and printers ask of any object is answered as ever', async () => {
  const { pool } = rig({ Player })
  assert.equal(await Promise.resolve(pool), pool, 'it is no promise')
  assert.equal(Object.prototype.toString.call(pool), '[object Object]')
  assert.equal((pool as unknown as Record<string, unknown>)['asymmetricMatch'], undefined)
  assert.equal(Object.keys(pool).includes('Player'), true)
})

for (const id of [undefined, null, Number.NaN, {}] as unknown as string[]) {
  test(`pool.ref: ${String(id)} is no id`, () => {
    const { pool } = rig({ Player })
    assert.throws(() => pool.ref(Player, id), {
      code: 'InvalidId',
      message: `Cannot name an entity: its id is ${String(id)}`,
    })
  })
}

test('timer: an operation that the class does not have is named, with the nearest', async () => {
  const { pool } = rig({ Player })
  await assert.rejects(pool.Player['bob']!.grow(), {
    code: 'UnknownOperation',
    message:
      /^Cannot set .* of "Player\/bob": Player has no operation levle; did you mean level\?$/,
  })
})

test('defineApp: a part that no app has is refused with the nearest', () => {
  const misspelt = { entities: { Player }, stup: () => undefined }
  assert.throws(() => defineApp(misspelt), {
    code: 'AppInvalid',
    message: 'Cannot use "stup" in defineApp: an app has no such part; did you mean setup?',
  })
})

test('an entity type: cannot be called as what hangs on the pool itself', () => {
  assert.throws(() => rig({ query: Player }), { code: 'SettingsInvalid', message: /pool\.query/ })
})

test('an operation: cannot take the place of what every entity has', () => {
  class Saver extends Entity {}
  Object.defineProperty(Saver.prototype, 'save', { value: () => Promise.resolve() })
  assert.throws(() => rig({ Saver: Saver as EntityClass }), {
    code: 'SettingsInvalid',
    message: 'Cannot use Saver.save as an operation: every entity has `this.save` already',
  })
})
