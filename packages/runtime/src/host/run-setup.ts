/**
 * Runs the app's `setup` once for the whole fabric, on one node.
 *
 * Two keys in the cluster store say how far it is: `setup/claim` belongs to the node that runs it and goes with its lease, so that
 * another takes over when it dies; `setup/done` stays as long as the fabric does. A supervisor that starts a fabric anew removes it.
 * Where the cluster store cannot be reached for a while, or does not say what became of a request, everyone looks again: a claim that
 * was made unnoticed is this node's own, and known by its lease.
 */
import { isEpicError, type ClusterStore } from '@epicserver/contracts'
import type { StartedNode } from './start-node.ts'
import { pause } from '../node/pause.ts'

export const SETUP_CLAIM = 'setup/claim'
export const SETUP_DONE = 'setup/done'
const RETRY_MS = 200
const EMPTY = new Uint8Array()

/**
 * Resolves when setup has run, here or elsewhere.
 * @throws what the app's setup throws
 */
export async function runSetup({ app, node, clusterStore }: StartedNode): Promise<void> {
  const { clock } = node.ports
  for (;;) {
    const next = await unlessUnreachable(() => claim(clusterStore, node.nodeId))
    if (next === 'done') return
    if (next === 'mine') break
    await pause(clock, RETRY_MS)
  }
  await app.setup?.(node.pool)
  while ((await unlessUnreachable(() => markDone(clusterStore))) !== 'done')
    await pause(clock, RETRY_MS)
}

async function claim(store: ClusterStore, nodeId: string): Promise<'done' | 'mine' | 'elsewhere'> {
  if ((await store.get(SETUP_DONE)) !== null) return 'done'
  if ((await store.get(SETUP_CLAIM))?.lease === nodeId) return 'mine'
  const { ok } = await store.txn({
    if: [
      { key: SETUP_CLAIM, is: 'missing' },
      { key: SETUP_DONE, is: 'missing' },
    ],
    then: [{ op: 'put', key: SETUP_CLAIM, value: EMPTY, lease: nodeId }],
  })
  return ok ? 'mine' : 'elsewhere'
}

async function markDone(store: ClusterStore): Promise<'done'> {
  await store.txn({ if: [], then: [{ op: 'put', key: SETUP_DONE, value: EMPTY }] })
  return 'done'
}

async function unlessUnreachable<T>(ask: () => Promise<T>): Promise<T | 'unreachable'> {
  try {
    return await ask()
  } catch (error) {
    // A node that has lost its lease is about to be told so, and ends.
    if (isEpicError(error) && (error.retry !== 'never' || error.code === 'LeaseLost'))
      return 'unreachable'
    throw error
  }
}
