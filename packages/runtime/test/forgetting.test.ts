/** Creating and deleting entities while others use them, and what `save()` may say. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { Entity, settings } from '@epicserver/runtime'
import { gatedStore } from './gated-store.ts'
import { quiet, rig } from './rig.ts'

class Note extends Entity {
  static override settings = settings<Note>({ autoCreate: false })
  text = ''
  async write(text: string): Promise<string> {
    this.text += text
    return this.text
  }
  async burn(): Promise<string> {
    await this.forget()
    return 'ash'
  }
}

const saved: string[] = []

class Draft extends Entity {
  static override settings = settings<Draft>({ durability: 'manual' })
  text = ''
  async writeAndSave(text: string): Promise<void> {
    this.text += text
    await this.save()
    saved.push(text)
  }
  async read(): Promise<string> {
    return this.text
  }
}

describe('create', () => {
  it('twice at once: one of the two is refused', async () => {
    const { pool } = rig({ Note })
    const outcomes = await Promise.allSettled([
      pool.create(Note, 'n', { text: 'a' }),
      pool.create(Note, 'n', { text: 'b' }),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    assert.equal(await pool.Note['n']!.write('!'), 'a!')
  })
})

describe('forget', () => {
  it('while another call waits for its write: both are answered, and the entity is gone', async () => {
    const store = gatedStore()
    const { pool } = rig({ Note }, { wrap: store.wrap })
    const created = pool.create(Note, 'n')
    await quiet()
    await store.open()
    await created
    const written = pool.Note['n']!.write('a')
    await quiet()
    const burnt = pool.Note['n']!.burn()
    const late = pool.Note['n']!.write('b')
    await quiet()
    while (store.waiting > 0) await store.open()
    assert.deepEqual(await Promise.all([written, burnt, late]), ['a', 'ash', 'ab'])
    await assert.rejects(pool.Note['n']!.write('c'), { code: 'NotFound' })
  })

  it('that the store refuses: the caller hears of it, and the entity is still there', async () => {
    const store = gatedStore(false)
    const { pool } = rig({ Note }, { wrap: store.wrap })
    await pool.create(Note, 'n', { text: 'kept' })
    store.fail = new EpicError('StoreReadOnly', 'no')
    await assert.rejects(pool.Note['n']!.burn(), { code: 'Fenced' })
    store.fail = undefined
    assert.equal(await pool.Note['n']!.write('!'), 'kept!')
  })
})

describe('save', () => {
  it('behind one that failed with an unknown outcome: it fails too', async () => {
    const store = gatedStore()
    const { pool } = rig({ Draft }, { wrap: store.wrap })
    const first = assert.rejects(pool.Draft['d']!.writeAndSave('a'))
    await quiet()
    const second = assert.rejects(pool.Draft['d']!.writeAndSave('b'))
    store.fail = new EpicError('Unknown', 'lost the answer')
    await quiet()
    await store.open()
    await Promise.all([first, second])
    assert.deepEqual(saved, [])
  })
})
