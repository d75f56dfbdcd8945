/**
 * Runs the app's `setup` once for the whole fabric, on one node.
 *
 * Two keys in the cluster store say how far it is: `setup/claim` belongs to the node that runs it and goes with its lease, so that
 * another takes over when it dies; `setup/done` stays as long as the fabric does. A supervisor that starts a fabric anew removes it.
 */
import type { StartedNode } from './start-node.ts'

export const SETUP_CLAIM = 'setup/claim'
export const SETUP_DONE = 'setup/done'
const RETRY_MS = 200

/** Resolves when setup has run, here or elsewhere; true where it ran here. */
export async function runSetup({ app, node, clusterStore }: StartedNode): Promise<boolean> {
  const empty = new Uint8Array()
  for (;;) {
    if ((await clusterStore.get(SETUP_DONE)) !== null) return false
    const claim = await clusterStore.txn({
      if: [{ key: SETUP_CLAIM, is: 'missing' }, { key: SETUP_DONE, is: 'missing' }],
      then: [{ op: 'put', key: SETUP_CLAIM, value: empty, lease: node.nodeId }],
    })
    if (claim.ok) break
    await new Promise<void>((resolve) => node.ports.clock.setTimer(resolve, RETRY_MS))
  }
  await app.setup?.(node.pool)
  await clusterStore.txn({ if: [], then: [{ op: 'put', key: SETUP_DONE, value: empty }] })
  return true
}
