import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partitionOf } from '@epicserver/contracts'
import { entityKey, entityOfKey, partitionOfKey, prefixEnd, typePrefix } from '#src/entity-key.ts'
import {
  decodeIndexEntry,
  indexBound,
  indexEntryKey,
  indexPrefix,
  INDEX_PREFIX_BYTES,
} from '#src/index-key.ts'
import { LMDB_KEY_BYTES_MAX } from '#src/limits.ts'
import {
  decodeTask,
  dueBound,
  dueKey,
  dueMsOfKey,
  encodeTask,
  taskKey,
  taskKeyOfDue,
  taskPrefix,
} from '#src/task-record.ts'
import fc from 'fast-check'

const longest = { type: 'T'.repeat(128), id: '日'.repeat(512) }
const anyId = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 })
const anyIndexKey = fc.uint8Array({ maxLength: 6 }).map((bytes) => bytes.map((byte) => byte % 3))

describe('entity key: its bytes', () => {
  it('are for good', () => {
    assert.equal(
      entityKey({ type: 'Player', id: 'bob' }).toString('hex'),
      '0300506c6179657200626f62',
    )
    assert.equal(entityKey({ type: 'A', id: '日' }).toString('latin1').slice(2), 'A\0æ\u0097¥')
  })

  it('tell the entity and its partition', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        const key = entityKey({ type: 'Player', id })
        assert.deepEqual(entityOfKey(key), { type: 'Player', id })
        assert.equal(partitionOfKey(key), partitionOf('Player', id))
      }),
    )
  })

  it('fit into LMDB at their longest', () => {
    assert.equal(entityKey(longest).length, 1667)
    assert.ok(entityKey(longest).length <= LMDB_KEY_BYTES_MAX)
  })

  it('of one type in one partition are a range', () => {
    const key = entityKey({ type: 'Player', id: 'bob' })
    const prefix = typePrefix(partitionOf('Player', 'bob'), 'Player')
    assert.ok(Buffer.compare(prefix, key) < 0 && Buffer.compare(key, prefixEnd(prefix)) < 0)
    assert.deepEqual(prefixEnd(Buffer.of(1, 0xff, 0xff)), Buffer.of(2))
  })
})

describe('index entry key: its order', () => {
  const prefix = indexPrefix('Player', 'score', 0)
  const entry = fc.record({ key: anyIndexKey, id: anyId })

  it('is that of the key, then that of the id', () => {
    fc.assert(
      fc.property(entry, entry, (a, b) => {
        const byParts =
          Buffer.compare(a.key, b.key) || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))
        const [keyOfA, keyOfB] = [a, b].map(({ key, id }) => indexEntryKey(prefix, key, id))
        assert.equal(Buffer.compare(keyOfA!, keyOfB!), byParts)
      }),
    )
  })

  it('is within a bound exactly when the key is', () => {
    fc.assert(
      fc.property(entry, anyIndexKey, ({ key, id }, bound) => {
        const isBelow =
          Buffer.compare(indexEntryKey(prefix, key, id), indexBound(prefix, bound)) < 0
        assert.equal(isBelow, Buffer.compare(key, bound) < 0)
      }),
    )
  })
})

describe('index entry key: its parts', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(anyIndexKey, anyId, (key, id) => {
        const entry = indexEntryKey(indexPrefix('Player', 'score', 7), key, id)
        assert.deepEqual(decodeIndexEntry(entry), { key: Buffer.from(key), id })
      }),
    )
  })

  it('are nothing when the key is damaged', () => {
    const prefix = Buffer.alloc(INDEX_PREFIX_BYTES)
    assert.equal(decodeIndexEntry(prefix), undefined)
    assert.equal(decodeIndexEntry(Buffer.concat([prefix, Buffer.of(1, 0)])), undefined)
    assert.equal(decodeIndexEntry(Buffer.concat([prefix, Buffer.of(1, 0, 7)])), undefined)
  })

  it('fit into LMDB at their longest', () => {
    const prefix = indexPrefix(longest.type, '日'.repeat(256), 1)
    assert.equal(indexEntryKey(prefix, new Uint8Array(200), longest.id).length, 1954)
  })

  it('differ by type, name and generation', () => {
    const prefixes = [
      indexPrefix('Player', 'score', 0),
      indexPrefix('Player', 'score', 1),
      indexPrefix('Player', 'scor', 0),
      indexPrefix('Playe', 'score', 0),
    ]
    assert.equal(new Set(prefixes.map((prefix) => prefix.toString('hex'))).size, 4)
  })
})

describe('task: its keys', () => {
  const entity = { type: 'Player', id: 'bob' }
  const prefix = taskPrefix(768, entity)

  it('are ordered by partition, then by instant', () => {
    const instants = [0, 1, 255, 256, 2 ** 31, 1_700_000_000_000, 2 ** 53 - 1]
    const keys = instants.map((dueMs) => dueKey(taskKey(prefix, 'ring'), dueMs))
    assert.deepEqual(
      keys.toSorted((a, b) => Buffer.compare(a, b)),
      keys,
    )
    assert.deepEqual(keys.map(dueMsOfKey), instants)
    for (const [i, key] of keys.entries()) {
      assert.ok(Buffer.compare(dueBound(768, instants[i]!), key) <= 0)
      assert.ok(Buffer.compare(dueBound(768, instants[i]! + 1), key) > 0 || i === 6)
      assert.ok(Buffer.compare(dueBound(769, 0), key) > 0)
    }
  })

  it('lead from one to the other', () => {
    const inTasks = taskKey(prefix, 'ring')
    assert.deepEqual(taskKeyOfDue(dueKey(inTasks, 1_234)), inTasks)
  })

  it('are short, whatever a task is called', () => {
    assert.equal(dueKey(taskKey(taskPrefix(0, longest), '日'.repeat(256)), 0).length, 42)
  })

  it('of one entity are a range that no other shares', () => {
    const others = [
      taskPrefix(768, { type: 'Player', id: 'bob2' }),
      taskPrefix(768, { type: 'Playe', id: 'rbob' }),
    ]
    for (const other of others) assert.notDeepEqual(other, prefix)
    assert.deepEqual(taskKey(prefix, 'ring').subarray(0, prefix.length), prefix)
  })
})

describe('task: on disk', () => {
  const entity = { type: 'Player', id: 'bob' }
  const due = dueKey(taskKey(taskPrefix(768, entity), 'ring'), 5)

  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyId, anyId, fc.uint8Array(), (id, key, body) => {
        const task = { entity: { type: 'Player', id }, key, body: Buffer.from(body) }
        assert.deepEqual(decodeTask(due, encodeTask(due, task)), { ...task, dueMs: 5 })
      }),
    )
  })

  it('is nothing when any one bit is another, or when it strayed', () => {
    const value = encodeTask(due, { entity, key: 'ring', body: Buffer.from('body') })
    for (let bit = 0; bit < value.length * 8; bit += 1) {
      const flipped = Buffer.from(value)
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7))
      assert.equal(decodeTask(due, flipped), undefined)
    }
    const elsewhere = dueKey(taskKey(taskPrefix(768, entity), 'ring'), 6)
    assert.equal(decodeTask(elsewhere, value), undefined)
    assert.equal(decodeTask(due, Buffer.alloc(3)), undefined)
  })
})
