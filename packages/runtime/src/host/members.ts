/** The members of a cluster as its store lists them, for who is none. */
import type { ClusterStore } from '@epicserver/contracts'
import { decodeMemberRecord, decodeView, recordKeys, type MemberInfo } from '@epicserver/fabric'

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

/** Who is a member, and who owns how much. */
export interface Membership {
  readonly viewNo: number
  readonly master: string | null
  readonly partitions: number
  /** Of the partitions, those that nobody owns. */
  readonly ownerless: number
  readonly members: readonly MemberLine[]
}

export interface MemberLine extends Omit<MemberInfo, 'nodeId'> {
  readonly node: string
  /** How many partitions it owns. */
  readonly owns: number
  /** A member whose lease has ended is gone; the next view says so. */
  readonly hasLease: boolean
}

/** The present view, with those who wait to be in it. */
export async function readMembership(store: ClusterStore): Promise<Membership> {
  const keys = recordKeys(KEY_PREFIX)
  const [viewRec, masterRec, living] = await Promise.all([
    store.get(keys.view),
    store.get(keys.master),
    livingMembers(store),
  ])
  const decoded = viewRec === null ? undefined : decodeView(viewRec.value)
  const view = decoded?.ok === true ? decoded.view : undefined
  const owners = view?.owner ?? []
  const livingIds = new Set(living.map(({ nodeId }) => nodeId))
  const viewIds = new Set(view?.members.map(({ nodeId }) => nodeId))
  const joining = living.filter(({ nodeId }) => !viewIds.has(nodeId))
  const lineOf = ({ nodeId, ...info }: MemberInfo): MemberLine => ({
    node: nodeId,
    ...info,
    owns: owners.filter((owner) => owner === nodeId).length,
    hasLease: livingIds.has(nodeId),
  })
  return {
    viewNo: view?.viewNo ?? 0,
    master: masterRec?.lease ?? null,
    partitions: owners.length,
    ownerless: owners.filter((owner) => owner === undefined).length,
    members: [
      ...(view?.members ?? []).map((member) => lineOf(member)),
      ...joining.map((member) => lineOf({ ...member, state: 'joining' })),
    ],
  }
}
