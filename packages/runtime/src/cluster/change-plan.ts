/** What a join or a leave would do to the ownership of partitions: a pure function of the present view. */
import { assignPartitions, type MemberInfo, type NodeId, type View } from '@epicserver/fabric'

export interface PlannedChange {
  /** Those that would get another owner. */
  readonly partitions: readonly number[]
  /** How many partitions each node would have; nodes to come are called `new-1` and so on. */
  readonly owned: readonly {
    readonly node: NodeId
    readonly before: number
    readonly after: number
  }[]
}

export function planChange(
  view: View,
  unit: (partition: number) => number,
  { joins, leaver }: { joins: number; leaver: NodeId | undefined },
): PlannedChange {
  const stayers = view.members.filter(({ nodeId }) => nodeId !== leaver)
  const comers = Array.from({ length: joins }, (_, i) => comer(`new-${i + 1}`))
  const before = view.owner
  const left = before.map((owner) => (owner === leaver ? undefined : owner))
  const after = assignPartitions(left, [...stayers, ...comers], { unit, movesMax: Infinity })
  const countOf = (owners: readonly (NodeId | undefined)[], node: NodeId): number =>
    owners.filter((owner) => owner === node).length
  return {
    partitions: before.flatMap((owner, partition) =>
      owner === after[partition] ? [] : [partition],
    ),
    owned: [...view.members, ...comers].map(({ nodeId: node }) => ({
      node,
      before: countOf(before, node),
      after: countOf(after, node),
    })),
  }
}

/** A node that is not there yet, as an ordinary one would be. */
function comer(nodeId: NodeId): MemberInfo {
  const nothing = { address: '', boot: '', zone: '', labels: [], appVersion: '' }
  return { ...nothing, nodeId, weight: 1, state: 'active' }
}
