/** What clients do in the ground scenario, and what they were told. */
import type { Pool } from 'epicserver'
import type { ClientOutcome, World } from '@epicserver/testkit'
import type { GroundClasses } from './app.ts'

type GroundWorld = World<GroundClasses>

const LEDGERS = 6
export const ACCOUNTS = 8
const VAULTS = 3
const DINERS = 4
export const TICKERS = 3
export const REMINDERS = 3
export const COURIERS = 4
/** How long before it fires a reminder is set. */
export const REMIND_MS_MAX = 5_000

/** Entries that clients gave to a ledger, and what they were told of them. */
export interface LedgerEntry {
  readonly ledger: number
  readonly entry: string
  readonly outcome: ClientOutcome<unknown>['kind']
}

/** What is known for certain, to be compared with what the entities say in the end. */
export class Notes {
  readonly entries: LedgerEntry[] = []
  lastEntry = 0
  /** The size of each ledger that was last told to anybody. */
  readonly sizes = new Map<number, number>()
  readonly opened = new Map<number, { done: number; unknown: number }>()
  /** Reminders that were certainly set. */
  readonly reminders: { readonly reminder: number; readonly key: string }[] = []
  readonly started = new Set<number>()
  /** A read that went back behind what was known when it began. */
  readonly staleReads: string[] = []
}

/** One client: does one thing after another until the time is over. */
export async function runClient(world: GroundWorld, notes: Notes, until: number): Promise<void> {
  const deeds = [
    add,
    add,
    add,
    addOnce,
    addOnce,
    size,
    transfer,
    transfer,
    openVault,
    dine,
    tick,
    start,
    remind,
    carry,
    carry,
  ]
  while (world.now < until) {
    const deed = deeds[below(world, deeds.length)] as (typeof deeds)[number]
    await deed(world, notes)
    await world.run({ ms: world.random() * 400 })
  }
}

function below(world: GroundWorld, count: number): number {
  return Math.floor(world.random() * count)
}

async function add(world: GroundWorld, notes: Notes): Promise<void> {
  await addBy(world, notes, (pool, ledger, entry) => pool.Ledger[ledger]!.add(entry))
}

async function addOnce(world: GroundWorld, notes: Notes): Promise<void> {
  await addBy(world, notes, (pool, ledger, entry) => pool.Ledger[ledger]!.addOnce(entry))
}

async function addBy(
  world: GroundWorld,
  notes: Notes,
  call: (pool: Pool<GroundClasses>, ledger: number, entry: string) => Promise<number>,
): Promise<void> {
  const ledger = below(world, LEDGERS)
  notes.lastEntry += 1
  const entry = `entry ${notes.lastEntry}`
  const outcome = await world.call((pool) => call(pool, ledger, entry))
  notes.entries.push({ ledger, entry, outcome: outcome.kind })
  if (outcome.kind === 'done') noteSize(notes, ledger, outcome.value)
}

/** A read never returns less than was known before it began. */
async function size(world: GroundWorld, notes: Notes): Promise<void> {
  const ledger = below(world, LEDGERS)
  const known = notes.sizes.get(ledger) ?? 0
  const outcome = await world.call((pool) => pool.Ledger[ledger]!.size())
  if (outcome.kind !== 'done') return
  if (outcome.value < known)
    notes.staleReads.push(`ledger ${ledger} said ${outcome.value} after ${known}`)
  noteSize(notes, ledger, outcome.value)
}

function noteSize(notes: Notes, ledger: number, found: number): void {
  notes.sizes.set(ledger, Math.max(found, notes.sizes.get(ledger) ?? 0))
}

async function transfer(world: GroundWorld): Promise<void> {
  const from = below(world, ACCOUNTS)
  const to = (from + 1 + below(world, ACCOUNTS - 1)) % ACCOUNTS
  await world.call((pool) => pool.Account[from]!.transfer(pool.Account[to]!, 1 + below(world, 30)))
}

async function openVault(world: GroundWorld, notes: Notes): Promise<void> {
  const vault = below(world, VAULTS)
  const outcome = await world.call((pool) => pool.Vault[vault]!.open())
  const opened = notes.opened.get(vault) ?? { done: 0, unknown: 0 }
  notes.opened.set(vault, opened)
  if (outcome.kind !== 'failed') opened[outcome.kind] += 1
}

/** Some of these orders are a deadlock with another client's: one of the two must be told at once. */
async function dine(world: GroundWorld): Promise<void> {
  const first = below(world, DINERS)
  await world.call((pool) => {
    const others = [1, 2].map((step) => pool.Diner[(first + step) % DINERS]!)
    return pool.Diner[first]!.dine(others)
  })
}

async function tick(world: GroundWorld): Promise<void> {
  const ticker = below(world, TICKERS)
  await world.call((pool) => pool.Ticker[ticker]!.read())
}

async function start(world: GroundWorld, notes: Notes): Promise<void> {
  const reminder = below(world, REMINDERS)
  const outcome = await world.call((pool) => pool.Reminder[reminder]!.start())
  if (outcome.kind === 'done') notes.started.add(reminder)
}

async function remind(world: GroundWorld, notes: Notes): Promise<void> {
  const reminder = below(world, REMINDERS)
  notes.lastEntry += 1
  const key = `reminder ${notes.lastEntry}`
  const afterMs = world.random() * REMIND_MS_MAX
  const outcome = await world.call((pool) => pool.Reminder[reminder]!.remind(key, afterMs))
  if (outcome.kind === 'done') notes.reminders.push({ reminder, key })
}

async function carry(world: GroundWorld): Promise<void> {
  const [courier, recipient] = [below(world, COURIERS), below(world, COURIERS)]
  await world.call((pool) => {
    return pool.Courier[courier]!.carry(
      pool.Recipient[recipient]!,
      String(recipient),
      1 + below(world, 9),
    )
  })
}
