/** A member's record as a node that lives leaves it at the engine. */
import type { ClusterStore } from '@epicserver/contracts'
import { encodeMemberRecord } from '@epicserver/fabric'

/** Somebody lives in the cluster. */
export async function settle(store: ClusterStore): Promise<void> {
  const { id } = await store.grant(60_000)
  const value = encodeMemberRecord({
    nodeId: id,
    address: '[::1]:1',
    boot: 'b',
    zone: '',
    labels: [],
    appVersion: '1',
    weight: 1,
    state: 'active',
  })
  await store.txn({ if: [], then: [{ op: 'put', key: `cluster/member/${id}`, value, lease: id }] })
}
