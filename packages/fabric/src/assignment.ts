/**
 * Who owns which partition next: balanced by weight, with no more movement than that needs.
 *
 * Idea: partitions are moved in units (one partition by itself, or a whole shard of a data folder). Each active member has a
 * share by its weight. Units without a living owner are handed out first, to whoever lacks most. Then units move from draining
 * members, and from those above their share, to whoever lacks most: at most `movesMax` in one view, so that joining and
 * leaving disturb little at a time; the next view goes on.
 *
 * Shares are whole numbers: where they do not divide evenly, the larger ones go to members that already hold more, so that a
 * balanced assignment never changes. Draining members get nothing, unless nobody is active: serving late beats not serving.
 */
import type { MemberInfo } from './member-info.ts'

/** How an assignment is made. */
export interface AssignOptions {
  /** What moves as one; partitions of one unit always have one owner. By default each partition by itself. */
  readonly unit?: (partition: number) => number
  /** How many units with a living owner may move. */
  readonly movesMax: number
}

/** Assigns partitions: for each its owner, or `undefined` where no member can own any. */
export type Assign = (
  previous: readonly (string | undefined)[],
  members: readonly MemberInfo[],
  options: AssignOptions,
) => (string | undefined)[]

interface Holder {
  readonly nodeId: string
  readonly weight: number
  share: number
  readonly units: number[]
}

/** The default {@link Assign}: by weight, with bounded movement. */
export function assignPartitions(
  previous: readonly (string | undefined)[],
  members: readonly MemberInfo[],
  options: AssignOptions,
): (string | undefined)[] {
  const unitOf = options.unit ?? ((partition: number): number => partition)
  const takers = takersOf(members)
  if (takers.length === 0) return previous.map(() => undefined)
  const leavers = members
    .filter(
      (member) => member.state === 'draining' && !takers.some((t) => t.nodeId === member.nodeId),
    )
    .map((member): Holder => ({ nodeId: member.nodeId, weight: 0, share: 0, units: [] }))
  const orphans = distribute(previous, [...takers, ...leavers], unitOf)
  setShares(takers, orphans.length + countUnits(takers) + countUnits(leavers))
  for (const unit of orphans) mostLacking(takers).units.push(unit)
  moveUnits(takers, leavers, options.movesMax)
  const ownerOfUnit = new Array<string>(previous.length)
  for (const holder of [...takers, ...leavers]) {
    for (const unit of holder.units) ownerOfUnit[unit] = holder.nodeId
  }
  return previous.map((_, partition) => ownerOfUnit[unitOf(partition)])
}

function takersOf(members: readonly MemberInfo[]): Holder[] {
  const active = members.filter((member) => member.state === 'active')
  const takers =
    active.length > 0 ? active : members.filter((member) => member.state === 'draining')
  return takers.map((member) => ({
    nodeId: member.nodeId,
    weight: Math.max(1, member.weight),
    share: 0,
    units: [],
  }))
}

/** Gives each unit to its holder of before; returns those that have none. */
function distribute(
  previous: readonly (string | undefined)[],
  holders: readonly Holder[],
  unitOf: (partition: number) => number,
): number[] {
  const byId = new Map(holders.map((holder) => [holder.nodeId, holder]))
  const seen = new Array<boolean>(previous.length).fill(false)
  const orphans: number[] = []
  for (let partition = 0; partition < previous.length; partition += 1) {
    const unit = unitOf(partition)
    if (seen[unit] === true) continue
    seen[unit] = true
    const holder = byId.get(previous[partition] ?? '')
    if (holder === undefined) orphans.push(unit)
    else holder.units.push(unit)
  }
  return orphans
}

/** Whole shares that add up to `units`; what does not divide goes to those that hold most against their weight. */
function setShares(takers: readonly Holder[], units: number): void {
  const weights = takers.reduce((sum, taker) => sum + taker.weight, 0)
  let left = units
  for (const taker of takers) {
    taker.share = Math.floor((units * taker.weight) / weights)
    left -= taker.share
  }
  const byExcess = takers.toSorted((a, b) => b.units.length - b.share - (a.units.length - a.share))
  for (const taker of byExcess.slice(0, left)) taker.share += 1
}

function moveUnits(takers: readonly Holder[], leavers: readonly Holder[], movesMax: number): void {
  for (let moves = 0; moves < movesMax; moves += 1) {
    const to = mostLacking(takers)
    const from = leavers.find((leaver) => leaver.units.length > 0) ?? mostExceeding(takers)
    if (from.units.length <= from.share) return
    to.units.push(from.units.pop() as number)
  }
}

function mostLacking(takers: readonly Holder[]): Holder {
  return takers.reduce((best, taker) => (lack(taker) > lack(best) ? taker : best))
}

function mostExceeding(takers: readonly Holder[]): Holder {
  return takers.reduce((best, taker) => (lack(taker) < lack(best) ? taker : best))
}

function lack(holder: Holder): number {
  return holder.share - holder.units.length
}

function countUnits(holders: readonly Holder[]): number {
  return holders.reduce((sum, holder) => sum + holder.units.length, 0)
}
