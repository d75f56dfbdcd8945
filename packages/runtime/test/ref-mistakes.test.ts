/** What those are told who treat a ref as the entity itself, in JavaScript or past the compiler. */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { describe, it } from 'node:test'
import { Entity } from '@epicserver/runtime'
import { rig } from './rig.ts'

class Player extends Entity {
  score = 1
  async getScore(): Promise<number> {
    return this.score
  }
}

type Loose = Record<string | symbol, unknown> & { toString(): string }

function looseRef(): Loose {
  return rig({ Player }).pool.Player['bob'] as unknown as Loose
}

describe('a ref', () => {
  for (const name of ['score', 'anything', Symbol.iterator])
    it(`has no ${String(name)} to set`, () => {
      const ref = looseRef()
      assert.throws(() => (ref[name] = 5), {
        name: 'TypeError',
        message: `Cannot set "${String(name)}" of Player through a ref: a ref holds no state. Call a method of "Player/bob" that changes it`,
      })
      assert.equal(ref[name], undefined)
    })

  it('keeps its methods', () => {
    const ref = looseRef()
    assert.throws(() => (ref['getScore'] = () => 5), TypeError)
    assert.throws(() => Object.defineProperty(ref, 'getScore', { value: () => 5 }), TypeError)
  })

  it('takes no definitions, and gives nothing away', () => {
    const ref = looseRef()
    assert.throws(() => Object.defineProperty(ref, 'score', { value: 5 }), TypeError)
    assert.throws(() => Object.assign(ref, { score: 5 }), TypeError)
    assert.throws(() => Object.setPrototypeOf(ref, null), TypeError)
    for (const name of Object.keys(ref)) assert.throws(() => delete ref[name], TypeError)
  })

  it('answers what languages, test tools and printers ask of any object', async () => {
    const ref = looseRef()
    assert.equal(await Promise.resolve(ref), ref, 'it is no promise')
    assert.equal(inspect(ref), 'Ref<Player/bob>')
    assert.equal(JSON.stringify({ ref }), '{"ref":"Player/bob"}')
    assert.equal(looseRef().toString(), 'Player/bob')
    assert.equal(Object.prototype.toString.call(ref), '[object Object]')
    assert.equal('hasOwnProperty' in ref, true)
  })

  it('still calls, after all that was tried', async () => {
    const { pool } = rig({ Player })
    const bob = pool.Player['bob']!
    assert.throws(() => ((bob as unknown as Loose)['score'] = 5), TypeError)
    assert.equal(await bob.getScore(), 1)
  })
})
