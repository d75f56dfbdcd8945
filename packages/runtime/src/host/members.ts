/** The members of a cluster as its store lists them, for who is none. */
import type { ClusterStore } from '@epicserver/contracts'
import { decodeMemberRecord, recordKeys, type MemberInfo } from '@epicserver/fabric'

/** Where the fabric's records lie in a cluster store. */
export const KEY_PREFIX = 'cluster/'

/** All whose leases live. */
export async function livingMembers(store: ClusterStore): Promise<MemberInfo[]> {
  const { member } = recordKeys(KEY_PREFIX)
  const { recs } = await store.list(member)
  return recs.flatMap(({ key, value }) => decodeMemberRecord(key.slice(member.length), value) ?? [])
}

/** Ends the leases of those whose address says that they are dead for certain. */
export async function endLeasesAt(
  store: ClusterStore,
  isDead: (address: string) => boolean,
): Promise<void> {
  for (const { nodeId, address } of await livingMembers(store)) {
    if (isDead(address)) await store.revoke(nodeId)
  }
}

/** Tells of each node whose lease has ended, for whatever reason, until the store is closed. */
export async function watchLeases(
  store: ClusterStore,
  onEnd: (nodeId: string) => void,
): Promise<void> {
  const { member } = recordKeys(KEY_PREFIX)
  const { rev } = await store.list(member)
  store.watch(member, rev, (events) => {
    if (events === 'reset') void watchLeases(store, onEnd)
    else
      for (const event of events) if (event.kind === 'delete') onEnd(event.key.slice(member.length))
  })
}
