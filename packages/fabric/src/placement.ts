/**
 * Where an entity is to begin: its type's placement policy, as a pure function of what this node knows.
 *
 * An owner asks when a call comes for an entity that is active nowhere; the answer need not be the best there is, only the
 * same for the same knowledge. Where several nodes would do, the name picks two by its hash and the less loaded of them is taken:
 * so that a thousand new entities do not all go to the one node that was idle a second ago.
 */
import type { NodeId } from './effects.ts'
import { DEFAULT_CAPACITY, loadScore, NO_LOAD } from './load.ts'
import type { Capacity, Load } from './load.ts'
import type { MemberInfo } from './member-info.ts'
import type { Place } from './standing.ts'
import type { View } from './view.ts'

/** How a type says where its entities are to be. `anywhere` is for stateless ones, of which there may be many. */
export type PlacementPolicy =
  | 'hash'
  | 'local'
  | 'load'
  | 'anywhere'
  | { readonly near: NodeId | undefined }
  | { readonly label: string }

/** What is to be placed, and how. */
export interface PlacementRequest extends Place {
  /** With `near`, the node where the other entity was last known to be. */
  readonly policy: PlacementPolicy
  /** The node from which the call came. */
  readonly caller: NodeId
}

/** What is known of the cluster. */
export interface Surroundings {
  readonly view: View
  readonly loads: ReadonlyMap<NodeId, Load>
  readonly capacity?: Capacity
}

/** The node for an entity, or `undefined` where no active member may have it (nobody carries the label, nobody is active). */
export function choosePlace(request: PlacementRequest, around: Surroundings): NodeId | undefined {
  const { policy, caller } = request
  const active = around.view.members.filter((member) => member.state === 'active')
  const isActive = (nodeId: NodeId | undefined): boolean =>
    active.some((member) => member.nodeId === nodeId)
  const home = around.view.owner[request.partition]
  if (policy === 'load') return lessLoaded(request.key, active, around)
  if (policy === 'local') return isActive(caller) ? caller : home
  if (policy === 'anywhere')
    return isActive(caller) ? caller : lessLoaded(request.key, active, around)
  if (policy === 'hash') return home
  if ('near' in policy) return isActive(policy.near) ? policy.near : home
  const labelled = active.filter((member) => member.labels.includes(policy.label))
  return lessLoaded(request.key, labelled, around)
}

/** Of two members that the name picks, the less loaded against its weight. */
function lessLoaded(
  key: string,
  members: readonly MemberInfo[],
  { loads, capacity = DEFAULT_CAPACITY }: Surroundings,
): NodeId | undefined {
  const [first, second] = members.toSorted(
    (a, b) => hashOf(key, b.nodeId) - hashOf(key, a.nodeId) || (a.nodeId < b.nodeId ? -1 : 1),
  )
  if (first === undefined || second === undefined) return first?.nodeId
  const score = (member: MemberInfo): number =>
    loadScore(loads.get(member.nodeId) ?? NO_LOAD, capacity) / Math.max(1, member.weight)
  return score(second) < score(first) ? second.nodeId : first.nodeId
}

/** Rendezvous hashing: each pair of name and node has a number; a node that leaves changes only what it had. */
function hashOf(key: string, nodeId: NodeId): number {
  let hash = 0x811c9dc5
  for (const text of [key, '\u0000', nodeId]) {
    for (let i = 0; i < text.length; i += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    }
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
