import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  checkDueQuery,
  checkEntityId,
  checkGuard,
  checkIndexEntries,
  checkIndexStatus,
  checkScan,
  checkWrite,
  STATE_BYTES_MAX,
} from '@epicserver/contracts'
import type {
  DueQuery,
  IndexEntry,
  IndexStatus,
  Scan,
  TaskChange,
  Write,
} from '@epicserver/contracts'

const bob = { type: 'Player', id: 'bob' }
const key = new Uint8Array(1)

describe('state request: an entity and a guard', () => {
  it('an entity is refused as its id is', () => {
    checkEntityId(bob)
    assert.throws(() => checkEntityId({ type: 'Player', id: '' }), {
      code: 'InvalidId',
      message: 'Cannot use "" as an entity: the id is empty',
    })
    assert.throws(() => checkEntityId({ type: 'a b', id: 'x' }), { code: 'InvalidId' })
  })

  it('epoch and version fit in 64 bits', () => {
    checkGuard({ epoch: 0n, version: 0xffff_ffff_ffff_ffffn })
    for (const value of [-1n, 0x1_0000_0000_0000_0000n]) {
      assert.throws(() => checkGuard({ epoch: value, version: 0n }), { code: 'SettingsInvalid' })
      assert.throws(() => checkGuard({ epoch: 0n, version: value }), { code: 'SettingsInvalid' })
    }
  })
})

describe('state request: a write', () => {
  const set = (change: Partial<TaskChange & { kind: 'set' }>): Write => ({
    tasks: [{ kind: 'set', key: 'k', dueMs: 0, body: key, ...change }],
  })

  it('may say nothing, or as much as a record may hold', () => {
    checkWrite(bob, {})
    checkWrite(bob, { bytes: new Uint8Array(STATE_BYTES_MAX), indexes: [], tasks: [] })
  })

  const refused: readonly [string, Write, string][] = [
    ['one byte too much', { bytes: new Uint8Array(STATE_BYTES_MAX + 1) }, 'StateTooLarge'],
    ['a task without a key', set({ key: '' }), 'InvalidId'],
    ['a key with a NUL', { tasks: [{ kind: 'clear', key: 'a\0' }] }, 'InvalidId'],
    ['a key with half a pair', set({ key: '\ud800' }), 'InvalidId'],
    ['a key too long', set({ key: 'k'.repeat(257) }), 'InvalidId'],
    ['an instant before all time', set({ dueMs: -1 }), 'SettingsInvalid'],
    ['half a millisecond', set({ dueMs: 0.5 }), 'SettingsInvalid'],
    ['an instant that is no number', set({ dueMs: Number.NaN }), 'SettingsInvalid'],
    ['an instant beyond counting', set({ dueMs: 2 ** 53 }), 'SettingsInvalid'],
    ['a body too large', set({ body: new Uint8Array(64 * 1024 + 1) }), 'MessageTooLarge'],
    ['an index without a name', { indexes: [{ index: '', key }] }, 'InvalidId'],
  ]
  for (const [claim, write, code] of refused) {
    it(`is refused with ${claim}`, () => {
      assert.throws(() => checkWrite(bob, write), { code })
    })
  }

  it('names the entity that is too large', () => {
    assert.throws(() => checkWrite(bob, { bytes: new Uint8Array(STATE_BYTES_MAX + 1) }), {
      message: 'Cannot save "Player/bob": its state has 16777217 of at most 16777216 bytes',
    })
  })
})

describe('state request: index entries', () => {
  const entry = (bytes: number): IndexEntry => ({ index: 'score', key: new Uint8Array(bytes) })

  it('have keys of up to 200 bytes, and may have empty ones', () => {
    checkIndexEntries([entry(0), entry(200)])
    assert.throws(() => checkIndexEntries([entry(201)]), {
      code: 'MessageTooLarge',
      message: 'Cannot index an entity by "score": the key has 201 of at most 200 bytes',
    })
  })

  it('are 64 at most', () => {
    checkIndexEntries(new Array<IndexEntry>(64).fill(entry(1)))
    assert.throws(() => checkIndexEntries(new Array<IndexEntry>(65).fill(entry(1))), {
      code: 'MessageTooLarge',
    })
  })
})

describe('state request: an index', () => {
  const status: IndexStatus = { type: 'Player', index: 'score', definition: '', status: 'ready' }

  it('has a type, a name and a definition with a UTF-8 form', () => {
    checkIndexStatus(status)
    assert.throws(() => checkIndexStatus({ ...status, type: '' }), { code: 'InvalidId' })
    assert.throws(() => checkIndexStatus({ ...status, index: '\0' }), { code: 'InvalidId' })
    assert.throws(() => checkIndexStatus({ ...status, definition: '\ud800' }), {
      code: 'SettingsInvalid',
    })
  })
})

describe('state request: reading', () => {
  const scan: Scan = { type: 'Player', limit: 1 }
  const query: DueQuery = { partitions: new Set([0, 1023]), beforeMs: 0, limit: 1 }

  it('asks for at least one row', () => {
    checkScan(scan)
    checkDueQuery({ ...query, beforeMs: Number.POSITIVE_INFINITY })
    for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => checkScan({ ...scan, limit }), { code: 'SettingsInvalid' })
      assert.throws(() => checkDueQuery({ ...query, limit }), { code: 'SettingsInvalid' })
    }
  })

  it('names partitions that there are', () => {
    for (const partition of [-1, 1024, 0.5, Number.NaN]) {
      const partitions = new Set([partition])
      assert.throws(() => checkScan({ ...scan, partitions }), { code: 'SettingsInvalid' })
      assert.throws(() => checkDueQuery({ ...query, partitions }), { code: 'SettingsInvalid' })
    }
  })

  it('names a type and an index that can be', () => {
    assert.throws(() => checkScan({ ...scan, type: 'a b' }), { code: 'InvalidId' })
    assert.throws(() => checkScan({ ...scan, index: '' }), { code: 'InvalidId' })
  })

  it('asks for tasks before an instant', () => {
    assert.throws(() => checkDueQuery({ ...query, beforeMs: Number.NaN }), {
      code: 'SettingsInvalid',
      message: 'Cannot look for tasks: the instant is not a number',
    })
  })
})
