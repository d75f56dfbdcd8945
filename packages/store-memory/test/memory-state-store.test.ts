import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EntityId } from '@epicserver/contracts'
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'

const bytes = Uint8Array.of(1)

function thing(id: number): EntityId {
  return { type: 'Thing', id: String(id) }
}

/** Lets all promises that can settle do so. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A store whose commits happen when the test says so. */
function held(disk = new MemoryDisk()): { store: MemoryStateStore; commit: () => void } {
  const deferred: (() => void)[] = []
  const store = new MemoryStateStore({ disk, defer: (commit) => deferred.push(commit) })
  return { store, commit: () => deferred.splice(0).forEach((commit) => commit()) }
}

/** Writes things 0 to `count` − 1, and tells which were answered. */
function writeThings(
  store: MemoryStateStore,
  count: number,
): { answered: number[]; all: Promise<unknown> } {
  const answered: number[] = []
  const write = async (i: number): Promise<void> => {
    await store.write(thing(i), { epoch: 1n, version: 0n }, { bytes })
    answered.push(i)
  }
  const all = Promise.all(Array.from({ length: count }, (_, i) => write(i)))
  return { answered, all }
}

async function savedOf(disk: MemoryDisk, count: number): Promise<number[]> {
  const all = Array.from({ length: count }, (_, i) => i)
  return all.filter((i) => disk.read(thing(i)) !== null)
}

describe('memory state store: what is waiting', () => {
  it('is neither durable nor visible before its commit', async () => {
    const disk = new MemoryDisk()
    const { store, commit } = held(disk)
    const { answered, all } = writeThings(store, 3)
    assert.equal(store.waitingCount, 3)
    assert.equal(await store.read(thing(0)), null)
    assert.deepEqual([answered, disk.size], [[], 0])
    commit()
    await all
    assert.deepEqual([answered, disk.size, store.waitingCount], [[0, 1, 2], 3, 0])
  })

  it('becomes durable in one commit, and what comes later in the next', async () => {
    const deferred: (() => void)[] = []
    const store = new MemoryStateStore({ defer: (commit) => deferred.push(commit) })
    writeThings(store, 2)
    assert.equal(deferred.length, 1)
    deferred[0]?.()
    void store.claim(thing(0), 2n)
    assert.equal(deferred.length, 2)
  })

  it('is waited for by close', async () => {
    const disk = new MemoryDisk()
    const { store, commit } = held(disk)
    writeThings(store, 2)
    const closing = store.close().then(() => disk.size)
    await turn()
    commit()
    assert.equal(await closing, 2)
  })

  it('is done at once where nothing defers it', async () => {
    const disk = new MemoryDisk()
    void new MemoryStateStore({ disk }).write(thing(0), { epoch: 1n, version: 0n }, { bytes })
    assert.deepEqual(await savedOf(disk, 1), [0])
  })
})

describe('memory state store: a crash', () => {
  it('drops what was waiting, answers none of it, and leaves what was durable', async () => {
    const disk = new MemoryDisk()
    const { store, commit } = held(disk)
    writeThings(store, 2)
    commit()
    const { answered } = writeThings(store, 5)
    store.crash()
    commit()
    await turn()
    assert.deepEqual(answered, [])
    assert.deepEqual(await savedOf(disk, 5), [0, 1])
  })

  it('may leave the oldest of what was waiting on the disk, unanswered', async () => {
    const disk = new MemoryDisk()
    const { store, commit } = held(disk)
    const { answered } = writeThings(store, 5)
    store.crash({ landed: 2 })
    commit()
    await turn()
    assert.deepEqual(answered, [])
    assert.deepEqual(await savedOf(disk, 5), [0, 1])
  })

  it('ends the store', async () => {
    const { store } = held()
    store.crash()
    await assert.rejects(store.read(thing(0)), {
      code: 'Unavailable',
      message: 'Cannot read: the store is crashed',
    })
  })
})

describe('memory state store: owners of a disk', () => {
  it('a higher number fences off the stores below it, at their next commit', async () => {
    const disk = new MemoryDisk()
    const old = new MemoryStateStore({ disk, owner: 1 })
    await old.write(thing(0), { epoch: 1n, version: 0n }, { bytes })
    const next = new MemoryStateStore({ disk, owner: 2 })
    const stale = old.write(thing(0), { epoch: 1n, version: 1n }, { bytes })
    await assert.rejects(stale, {
      code: 'Fenced',
      message: 'Cannot write as owner 1: owner 2 has the store',
    })
    assert.equal(await next.write(thing(0), { epoch: 1n, version: 1n }, { bytes }), 2n)
  })

  it('what waited before the take-over is fenced off, too', async () => {
    const disk = new MemoryDisk()
    const deferred: (() => void)[] = []
    const old = new MemoryStateStore({ disk, owner: 1, defer: (commit) => deferred.push(commit) })
    const stale = old.claim(thing(0), 1n)
    disk.own(2)
    deferred.forEach((commit) => commit())
    await assert.rejects(stale, { code: 'Fenced' })
  })

  it('a lower number cannot open', () => {
    const disk = new MemoryDisk()
    disk.own(2)
    assert.throws(() => new MemoryStateStore({ disk, owner: 1 }), { code: 'Fenced' })
  })
})
