/** Members and views for tests, with what does not matter filled in. */
import type { MemberInfo, View } from '@epicserver/fabric'

export function member(nodeId: string, options: Partial<MemberInfo> = {}): MemberInfo {
  return {
    nodeId,
    address: `${nodeId}.sock`,
    boot: 'boot',
    zone: '',
    labels: [],
    appVersion: '1',
    weight: 1,
    state: 'active',
    ...options,
  }
}

/** A view in which each partition has the owner and the epoch given, as in `{ owners: 'aab', epochs: [1, 1, 2] }`. */
export function viewOf(
  viewNo: number,
  nodeIds: string,
  owners: string,
  epochs?: readonly number[],
): View {
  return {
    viewNo,
    members: Array.from(nodeIds).map((nodeId) => member(nodeId)),
    owner: Array.from(owners).map((owner) => (owner === '-' ? undefined : owner)),
    partitionEpoch: epochs ?? Array.from(owners).map(() => viewNo),
  }
}
