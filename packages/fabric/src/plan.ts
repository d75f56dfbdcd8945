/**
 * What the next view should be, as a pure function of the present one and the members' records.
 *
 * A member's record lies under its lease: a record that is missing is a lease that is gone, so its member is dropped and what
 * it owned goes to others. Nothing else moves in such a view: recovery is not to wait for rebalancing. Records of nodes
 * that the view does not know are joiners. Where neither lives nor states changed, partitions move towards balance, some at a time.
 */
import type { Assign, AssignOptions } from './assignment.ts'
import { isSameMember } from './member-info.ts'
import type { MemberInfo } from './member-info.ts'
import type { View } from './view.ts'

/** A view to propose, and why. */
export interface Plan {
  readonly view: View
  /**
   * `coldStart`: nobody of the present view lives. `death`: partitions are without an owner. `change`: someone joined or
   * changed its state. `balance`: partitions move, no more.
   */
  readonly why: 'coldStart' | 'death' | 'change' | 'balance'
}

/** What a plan depends on besides the records. */
export interface PlanOptions extends AssignOptions {
  readonly partitions: number
  readonly assign: Assign
}

/** What the records ask for, cheap to see; who gets what is decided by {@link planFor}. */
export interface Need {
  readonly why: Plan['why']
  readonly current: View | undefined
  /** Of the next view. */
  readonly members: readonly MemberInfo[]
}

/** The next view, or `undefined` when the present one is as it should be. */
export function planView(
  current: View | undefined,
  records: Iterable<MemberInfo>,
  options: PlanOptions,
): Plan | undefined {
  const need = needOf(current, records)
  return need === undefined ? undefined : planFor(need, options)
}

/** Why there should be another view, or at least might be, for balance; `undefined` when nobody lives. */
export function needOf(current: View | undefined, records: Iterable<MemberInfo>): Need | undefined {
  const living = new Map([...records].map((info) => [info.nodeId, info]))
  const before = current?.members ?? []
  const staying = before.filter((member) => living.has(member.nodeId))
  const known = new Set(before.map((member) => member.nodeId))
  const members = [
    ...staying.map((member) => living.get(member.nodeId) ?? member),
    ...[...living.values()].filter((info) => !known.has(info.nodeId)),
  ]
  if (members.length === 0) return undefined
  return { why: reasonFor(before, staying, members, current?.owner ?? []), current, members }
}

/** The view that answers a need; `undefined` where the present one is balanced. */
export function planFor({ why, current, members }: Need, options: PlanOptions): Plan | undefined {
  const owners = current?.owner ?? Array.from({ length: options.partitions }, () => undefined)
  const movesMax = why === 'death' ? 0 : options.movesMax
  const owner = options.assign(owners, members, { ...options, movesMax })
  const moved = owner.some((nodeId, partition) => nodeId !== owners[partition])
  if (why === 'balance' && !moved) return undefined
  return { why, view: viewAfter(current, members, owner) }
}

function reasonFor(
  before: readonly MemberInfo[],
  staying: readonly MemberInfo[],
  members: readonly MemberInfo[],
  owners: readonly (string | undefined)[],
): Plan['why'] {
  if (staying.length === 0) return 'coldStart'
  const ids = new Set(staying.map((member) => member.nodeId))
  const canOwn = members.some((member) => member.state !== 'joining')
  // An owner is a member of its view: while all of those live, only what nobody owned is without an owner.
  const hasOrphans =
    staying.length === before.length
      ? owners.includes(undefined)
      : owners.some((owner) => owner === undefined || !ids.has(owner))
  if (hasOrphans && canOwn) return 'death'
  const isSame =
    members.length === before.length &&
    members.every((member, i) => before[i] !== undefined && isSameMember(member, before[i]))
  return isSame ? 'balance' : 'change'
}

function viewAfter(
  current: View | undefined,
  members: readonly MemberInfo[],
  owner: readonly (string | undefined)[],
): View {
  const viewNo = (current?.viewNo ?? 0) + 1
  const partitionEpoch = owner.map((nodeId, partition) =>
    current !== undefined && nodeId === current.owner[partition]
      ? (current.partitionEpoch[partition] ?? viewNo)
      : viewNo,
  )
  return { viewNo, members, owner, partitionEpoch }
}
