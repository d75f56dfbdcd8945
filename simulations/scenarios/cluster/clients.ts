/** What clients do in the cluster scenario, and what they were told. */
import type { ClientOutcome, World } from '@epicserver/testkit'
import type { ClusterClasses } from './app.ts'
import type { CounterOperation } from './counter-history.ts'

export type ClusterWorld = World<ClusterClasses>

export const COUNTERS = 3
export const COURIERS = 3
export const GUARDS = 2
export const MEMORIES = 2
/** How long before it is due a guard's round is planned. */
export const PLAN_MS_MAX = 5_000

/** What is known for certain, to be held against what the entities say in the end. */
export class Notes {
  readonly histories: readonly CounterOperation[][] = Array.from({ length: COUNTERS }, () => [])
  readonly rounds: { readonly guard: number; readonly round: string }[] = []
  last = 0
}

type Deed = (world: ClusterWorld, notes: Notes) => Promise<void>

const DEEDS: readonly Deed[] = [
  add,
  addSlowly,
  addSlowly,
  addOnce,
  addOnce,
  read,
  carry,
  plan,
  look,
]

/** One client: does one thing after another until the time is over. */
export async function runClient(world: ClusterWorld, notes: Notes, until: number): Promise<void> {
  while (world.now < until) {
    const deed = DEEDS[below(world, DEEDS.length)] as Deed
    await deed(world, notes)
    await world.run({ ms: world.random() * 600 })
  }
}

export function below(world: ClusterWorld, count: number): number {
  return Math.floor(world.random() * count)
}

function add(world: ClusterWorld, notes: Notes): Promise<void> {
  return count(world, notes, 'add')
}

function addSlowly(world: ClusterWorld, notes: Notes): Promise<void> {
  return count(world, notes, 'addSlowly')
}

function addOnce(world: ClusterWorld, notes: Notes): Promise<void> {
  return count(world, notes, 'addOnce')
}

function read(world: ClusterWorld, notes: Notes): Promise<void> {
  return count(world, notes, 'read')
}

async function count(
  world: ClusterWorld,
  notes: Notes,
  operation: 'add' | 'addOnce' | 'addSlowly' | 'read',
): Promise<void> {
  const counter = below(world, COUNTERS)
  const begunMs = world.now
  const outcome = await world.call((pool) => pool.Counter[counter]![operation]())
  note(notes.histories[counter] as CounterOperation[], {
    kind: operation === 'read' ? 'read' : 'add',
    begunMs,
    endedMs: world.now,
    outcome,
  })
}

/** What certainly did not run is no part of a history. */
export function note(
  history: CounterOperation[],
  { outcome, ...operation }: CounterOperation & { readonly outcome: ClientOutcome<number> },
): void {
  if (outcome.kind === 'done') history.push({ ...operation, value: outcome.value })
  else if (outcome.kind === 'unknown') history.push({ ...operation, endedMs: Infinity })
}

/** Several at once, so that what one courier sends to one recipient is under way in several messages. */
async function carry(world: ClusterWorld): Promise<void> {
  const [courier, recipient] = [below(world, COURIERS), below(world, COURIERS)]
  const letters = 1 + below(world, 6)
  const times = 1 + below(world, 3)
  const carryOnce = (): Promise<unknown> =>
    world.call((pool) =>
      pool.Courier[courier]!.carry(pool.Recipient[recipient]!, String(recipient), letters),
    )
  await Promise.all(Array.from({ length: times }, carryOnce))
}

async function plan(world: ClusterWorld, notes: Notes): Promise<void> {
  const guard = below(world, GUARDS)
  notes.last += 1
  const round = `round ${notes.last}`
  const afterMs = world.random() * PLAN_MS_MAX
  const outcome = await world.call((pool) => pool.Guard[guard]!.plan(round, afterMs))
  if (outcome.kind === 'done') notes.rounds.push({ guard, round })
}

async function look(world: ClusterWorld): Promise<void> {
  const memory = below(world, MEMORIES)
  await world.call((pool) => pool.Memory[memory]!.read())
}
