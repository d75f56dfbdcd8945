/** Who performs a request to the state store: this node, or the owner of the partition. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError, partitionOf } from '@epicserver/contracts'
import { MemoryStateStore } from '@epicserver/store-memory'
import { RoutedStore, type OwnerLine } from '#src/cluster/routed-store.ts'
import { ManualClock } from '../rig.ts'

const bob = { type: 'Player', id: 'bob' }
const home = [partitionOf(bob.type, bob.id)]
const write = { bytes: Uint8Array.of(1) }
const guard = { epoch: 1n, version: 0n }

function routed(ask: OwnerLine['ask']): {
  readonly store: RoutedStore
  readonly inner: MemoryStateStore
  readonly clock: ManualClock
} {
  const clock = new ManualClock()
  const inner = new MemoryStateStore()
  const partitions = { acquire: () => Promise.resolve(), release: () => Promise.resolve() }
  const owners = { ask, isClosed: () => false }
  return { store: new RoutedStore({ store: inner, partitions, owners, clock }), inner, clock }
}

describe('routed store', () => {
  it('asks again until somebody owns the partition', async () => {
    let asked = 0
    const { store, clock } = routed(async () => {
      asked += 1
      if (asked === 3) return 7n
      throw new EpicError('Moved', 'not here')
    })
    const written = store.write(bob, guard, write)
    await clock.advance(100)
    assert.equal(await written, 7n)
    assert.equal(asked, 3)
  })

  it('writes by itself when it has become the owner while it asked', async () => {
    const { store, inner, clock } = routed(() => undefined)
    const written = store.write(bob, guard, write)
    await clock.advance(25)
    await store.acquire(home, 2)
    await clock.advance(25)
    assert.equal(await written, 1n)
    assert.deepEqual((await inner.read(bob))?.bytes, write.bytes)
  })

  it('does not ask again when the owner was lost, since it may have written', async () => {
    const { store } = routed(() => Promise.reject(new EpicError('NodeLost', 'gone')))
    await assert.rejects(store.write(bob, guard, write), { code: 'Unknown', retry: 'unknown' })
  })
})
