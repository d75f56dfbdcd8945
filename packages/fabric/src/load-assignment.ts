/**
 * Assigning partitions by what they cost rather than by their number: for data folders whose shards move as a whole.
 *
 * As `assignPartitions` it gives orphans away first, then empties draining members, then moves from the fullest to the emptiest; but
 * full is measured, and since measures waver, nothing moves until the fullest is above the mean by the tolerance, and only what
 * leaves both better than before.
 */
import type { Assign } from './assignment.ts'
import type { MemberInfo } from './member-info.ts'

/** What is measured, and how much of it is nothing. */
export interface LoadAssignOptions {
  /** What a partition costs, in any unit. */
  readonly loadOf: (partition: number) => number
  /** How far above the mean is still well: 0.25 is a quarter. */
  readonly tolerance: number
}

interface Unit {
  readonly id: number
  readonly load: number
}

interface Holder {
  readonly nodeId: string
  readonly weight: number
  readonly isTaker: boolean
  readonly units: Unit[]
  load: number
}

/** An {@link Assign} that spreads measured load by weight. */
export function createLoadAssign({ loadOf, tolerance }: LoadAssignOptions): Assign {
  return (previous, members, { unit: unitOf = (partition): number => partition, movesMax }) => {
    const units = measure(previous.length, unitOf, loadOf)
    const holders = members.flatMap((member) => holderOf(member, members))
    const takers = holders.filter((holder) => holder.isTaker)
    if (takers.length === 0) return previous.map(() => undefined)
    const byId = new Map(holders.map((holder) => [holder.nodeId, holder]))
    const orphans: Unit[] = []
    for (const unit of units) {
      const holder = byId.get(ownerOf(previous, unitOf, unit.id) ?? '')
      if (holder === undefined) orphans.push(unit)
      else give(holder, unit)
    }
    for (const unit of orphans.toSorted((a, b) => b.load - a.load)) give(emptiest(takers), unit)
    move(holders, takers, { movesMax, tolerance })
    const ownerOfUnit = new Map(
      holders.flatMap((holder) => holder.units.map((unit) => [unit.id, holder.nodeId] as const)),
    )
    return previous.map((_, partition) => ownerOfUnit.get(unitOf(partition)))
  }
}

function measure(
  partitions: number,
  unitOf: (partition: number) => number,
  loadOf: (partition: number) => number,
): Unit[] {
  const loads = new Map<number, number>()
  for (let partition = 0; partition < partitions; partition += 1) {
    const unit = unitOf(partition)
    // Even an idle partition is a little work, so that idle ones spread too.
    loads.set(unit, (loads.get(unit) ?? 0) + Math.max(1e-6, loadOf(partition)))
  }
  return [...loads].map(([id, load]) => ({ id, load }))
}

function holderOf(member: MemberInfo, members: readonly MemberInfo[]): Holder[] {
  if (member.state === 'joining') return []
  const isTaker = member.state === 'active' || members.every((other) => other.state !== 'active')
  const weight = Math.max(1, member.weight)
  return [{ nodeId: member.nodeId, weight, isTaker, units: [], load: 0 }]
}

function ownerOf(
  previous: readonly (string | undefined)[],
  unitOf: (partition: number) => number,
  unit: number,
): string | undefined {
  return previous.find((_, partition) => unitOf(partition) === unit)
}

function move(
  holders: readonly Holder[],
  takers: readonly Holder[],
  { movesMax, tolerance }: { readonly movesMax: number; readonly tolerance: number },
): void {
  const weight = takers.reduce((sum, taker) => sum + taker.weight, 0)
  const mean = holders.reduce((sum, holder) => sum + holder.load, 0) / weight
  for (let moves = 0; moves < movesMax; moves += 1) {
    const leaver = holders.find((holder) => !holder.isTaker && holder.units.length > 0)
    const from = leaver ?? fullest(takers)
    const to = emptiest(takers)
    const unit = leaver?.units[0] ?? bestUnit(from, to, mean * (1 + tolerance))
    if (unit === undefined) return
    from.units.splice(from.units.indexOf(unit), 1)
    from.load -= unit.load
    give(to, unit)
  }
}

/** The largest piece that leaves the receiver no fuller than the giver was left; none while the giver is well. */
function bestUnit(from: Holder, to: Holder, limit: number): Unit | undefined {
  if (from === to || density(from) <= limit) return undefined
  const fits = from.units.filter(
    (unit) => (to.load + unit.load) / to.weight < density(from) - unit.load / from.weight + 1e-9,
  )
  return fits.toSorted((a, b) => b.load - a.load)[0]
}

function give(holder: Holder, unit: Unit): void {
  holder.units.push(unit)
  holder.load += unit.load
}

function density(holder: Holder): number {
  return holder.load / holder.weight
}

function emptiest(holders: readonly Holder[]): Holder {
  return holders.reduce((best, holder) => (density(holder) < density(best) ? holder : best))
}

function fullest(holders: readonly Holder[]): Holder {
  return holders.reduce((best, holder) => (density(holder) > density(best) ? holder : best))
}
