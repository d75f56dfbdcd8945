import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryCluster } from '@epicserver/cluster-memory'
import type { ClusterStore } from '@epicserver/contracts'
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'
import { compatibilityOf, conflictBetween, readCharter } from '#src/host/cluster/charter.ts'
import { claimState } from '#src/host/cluster/state-owner.ts'
import { settle } from './settle.ts'

const agreement = { partitions: '1024', state: 'postgres', onEngineLoss: 'fence' }

function engine(): ClusterStore {
  return new MemoryCluster({ now: () => 0 }).connect()
}

test('charter: the first machine writes it, all others find the same, also when they come at once', async () => {
  const store = engine()
  const charters = await Promise.all([1, 2, 3].map(() => readCharter(store, agreement)))
  assert.equal(new Set(charters.map(({ clusterId }) => clusterId)).size, 1)
  assert.deepEqual(charters[0]?.agreement, agreement)
})

test('charter: while somebody lives nothing of it changes, and what differs is named with both sides', async () => {
  const store = engine()
  await readCharter(store, agreement)
  await settle(store)
  const other = { ...agreement, onEngineLoss: 'serve' }
  const found = await readCharter(store, other)
  assert.deepEqual(found.agreement, agreement)
  assert.equal(
    conflictBetween(found.agreement, other)?.message,
    'Cannot join the cluster: onEngineLoss is "fence" there and "serve" here',
  )
  assert.equal(conflictBetween(agreement, agreement), undefined)
})

test('charter: while nobody lives settings may change, but never the number of partitions, nor the id', async () => {
  const store = engine()
  const { clusterId } = await readCharter(store, agreement)
  const serving = await readCharter(store, { ...agreement, onEngineLoss: 'serve' })
  assert.deepEqual([serving.clusterId, serving.agreement['onEngineLoss']], [clusterId, 'serve'])
  const finer = { ...agreement, partitions: '2048' }
  const found = await readCharter(store, finer)
  assert.match(
    conflictBetween(found.agreement, finer)?.message ?? '',
    /"1024" there and "2048" here/,
  )
})

test('charter: of another format, or damaged, is refused by name', async () => {
  const table = [
    ['{"format":2}', 'Incompatible'],
    ['not json', 'CorruptRecord'],
    ['null', 'Incompatible'],
    ['{"format":1,"clusterId":"c","agreement":{"state":1}}', 'CorruptRecord'],
  ] as const
  for (const [text, code] of table) {
    const store = engine()
    const value = new TextEncoder().encode(text)
    await store.txn({ if: [], then: [{ op: 'put', key: 'charter', value }] })
    await assert.rejects(readCharter(store, agreement), { code, message: /key "charter"/ })
  }
})

test('charter: a name that every object has is no line of it', () => {
  const odd = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>
  assert.match(conflictBetween(odd, {})?.message ?? '', /constructor is "y" there and "" here/)
  assert.equal(compatibilityOf(agreement), 'partitions 1024, state postgres, onEngineLoss fence')
})

test('state store: belongs to the first cluster that used it, whoever asks at once', async () => {
  const store = new MemoryStateStore({ disk: new MemoryDisk() })
  await Promise.all([claimState(store, 'one'), claimState(store, 'one'), claimState(store, 'one')])
  await claimState(store, 'one')
  await assert.rejects(claimState(store, 'two'), {
    code: 'Incompatible',
    message: /it belongs to cluster one, and the engine to two/,
  })
})
