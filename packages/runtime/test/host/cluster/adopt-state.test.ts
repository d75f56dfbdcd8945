import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '@epicserver/cluster-memory'
import { makeEpoch, type ClusterStore } from '@epicserver/contracts'
import { decodeView, encodeView } from '@epicserver/fabric'
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'
import { adoptState } from '#src/host/cluster/adopt-state.ts'
import { checkCharter, readCharter } from '#src/host/cluster/charter.ts'
import { claimState } from '#src/host/cluster/state-owner.ts'
import { createLog } from '#src/log.ts'
import { settle } from './settle.ts'

const agreement = { partitions: '1024', state: 'postgres', onEngineLoss: 'fence' }
const log = createLog(() => undefined)
const OWNER = 'the-cluster'
/** What was saved last was saved in view 40. */
const SAVED = 40

function engine(): ClusterStore {
  return new MemoryCluster({ now: () => 0 }).connect()
}

async function adopt(store: ClusterStore, { owner = OWNER } = {}): Promise<void> {
  const states = new MemoryStateStore({ disk: new MemoryDisk() })
  if (owner !== '') await claimState(states, owner)
  const state = { store: states, highestEpoch: () => Promise.resolve(makeEpoch(SAVED, 3)) }
  await adoptState({ engine: store, state, agreement, log })
}

async function viewNoAt(store: ClusterStore): Promise<number | undefined> {
  const rec = await store.get('cluster/view')
  const decoded = rec === null ? undefined : decodeView(rec.value)
  return decoded?.ok === true ? decoded.view.viewNo : undefined
}

async function putView(store: ClusterStore, viewNo: number): Promise<void> {
  const value = encodeView({ viewNo, members: [], owner: [], partitionEpoch: [] })
  await store.txn({ if: [], then: [{ op: 'put', key: 'cluster/view', value }] })
}

test('adopt state, an engine that is empty: gets the cluster’s id, and views go on above what is saved', async () => {
  const store = engine()
  await adopt(store)
  await checkCharter(store, OWNER)
  assert.equal(await viewNoAt(store), SAVED)
})

test('adopt state, an engine put back to an older state: only its views are lifted', async () => {
  const store = engine()
  await adopt(store)
  await putView(store, 12)
  await adopt(store)
  await checkCharter(store, OWNER)
  assert.equal(await viewNoAt(store), SAVED)
})

test('adopt state, an engine that knows enough: is left as it is, also while nodes live', async () => {
  const store = engine()
  await adopt(store)
  await putView(store, SAVED + 9)
  await settle(store)
  await adopt(store)
  assert.equal(await viewNoAt(store), SAVED + 9)
})

test('adopt state, a charter of a machine that was refused: is replaced', async () => {
  const store = engine()
  await readCharter(store, agreement)
  await assert.rejects(checkCharter(store, OWNER), { code: 'Incompatible' })
  await adopt(store)
  await checkCharter(store, OWNER)
})

test('adopt state, an engine on which another cluster has run: is left alone', async () => {
  const store = engine()
  const { clusterId } = await readCharter(store, agreement)
  await putView(store, 1)
  await assert.rejects(adopt(store), {
    code: 'Incompatible',
    message: new RegExp(`cluster ${clusterId} has run on this engine`),
  })
  await checkCharter(store, clusterId)
})

test('adopt state, while nodes live at the engine: is refused, and may be tried again', async () => {
  const store = engine()
  await settle(store)
  await assert.rejects(adopt(store), {
    code: 'Unavailable',
    retry: 'safe',
    message: /1 nodes live/,
  })
  assert.equal(await store.get('charter'), null)
})

test('adopt state, a store in which nothing was saved: leaves the engine to the first machine', async () => {
  const store = engine()
  await adopt(store, { owner: '' })
  assert.equal(await store.get('charter'), null)
})
