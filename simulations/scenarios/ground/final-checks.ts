/** What the entities of the ground scenario must say when all is quiet again. */
import type { Pool } from 'epicserver'
import { CLOCK_ERROR_MS, type World } from '@epicserver/testkit'
import { OPENING_BALANCE } from './account.ts'
import type { GroundClasses } from './app.ts'
import { ACCOUNTS, COURIERS, REMIND_MS_MAX, REMINDERS, TICKERS, type Notes } from './clients.ts'

type GroundWorld = World<GroundClasses>
type GroundPool = Pool<GroundClasses>

export async function checkGround(world: GroundWorld, notes: Notes): Promise<void> {
  await checkLedgers(world, notes)
  await checkVaults(world, notes)
  await checkAccounts(world)
  await checkTickers(world)
  await checkReminders(world, notes)
  await checkRecipients(world)
  if (notes.staleReads.length > 0) throw new Error(`A read went back: ${notes.staleReads[0]}`)
}

/** Nothing is wrong any more, so a call that is not done is a failure of its own. */
async function ask<T>(world: GroundWorld, use: (pool: GroundPool) => Promise<T>): Promise<T> {
  const outcome = await world.call(use)
  if (outcome.kind !== 'done') throw outcome.error
  return outcome.value
}

async function checkLedgers(world: GroundWorld, notes: Notes): Promise<void> {
  const ledgers = new Map<number, ReadonlyMap<string, number>>()
  for (const { ledger, entry, outcome } of notes.entries) {
    const entries = ledgers.get(ledger) ?? (await ask(world, (pool) => pool.Ledger[ledger]!.read()))
    ledgers.set(ledger, entries)
    const times = entries.get(entry) ?? 0
    if (times > 1) throw new Error(`Ledger ${ledger} has ${entry} ${times} times`)
    if (times === 0 && outcome === 'done')
      throw new Error(`Ledger ${ledger} has lost ${entry}, which was acknowledged`)
    if (times === 1 && outcome === 'failed')
      throw new Error(`Ledger ${ledger} has ${entry}, which certainly was not added`)
  }
}

async function checkVaults(world: GroundWorld, notes: Notes): Promise<void> {
  for (const [vault, { done, unknown }] of notes.opened) {
    const opened = await ask(world, (pool) => pool.Vault[vault]!.read())
    if (opened >= done && opened <= done + unknown) continue
    throw new Error(
      `Vault ${vault} was opened ${done} to ${done + unknown} times, and counts ${opened}`,
    )
  }
}

/** What was interrupted is repeated by a task every second. */
async function checkAccounts(world: GroundWorld): Promise<void> {
  let found: { balance: number; pending: number }[] = []
  for (let i = 0; i < 20; i += 1) {
    found = []
    for (let account = 0; account < ACCOUNTS; account += 1) {
      found.push(await ask(world, (pool) => pool.Account[account]!.read()))
    }
    if (found.every(({ pending }) => pending === 0)) break
    await world.run({ seconds: 1 })
  }
  const pending = found.reduce((sum, each) => sum + each.pending, 0)
  if (pending > 0) throw new Error(`${pending} transfers do not end`)
  const total = found.reduce((sum, each) => sum + each.balance, 0)
  if (total !== ACCOUNTS * OPENING_BALANCE)
    throw new Error(`The accounts hold ${total} together, not ${ACCOUNTS * OPENING_BALANCE}`)
}

/** Timers end with the activation: where the entity was put away meanwhile, as when its partition moves, it is asked again. */
async function checkTickers(world: GroundWorld): Promise<void> {
  for (let ticker = 0; ticker < TICKERS; ticker += 1) {
    let ticked = 0
    for (let i = 0; i < 5 && (ticked < 3 || ticked > 7); i += 1) {
      const before = await ask(world, (pool) => pool.Ticker[ticker]!.read())
      await world.run({ seconds: 1 })
      ticked = (await ask(world, (pool) => pool.Ticker[ticker]!.read())) - before
    }
    if (ticked < 3 || ticked > 7)
      throw new Error(`Ticker ${ticker} ticked ${ticked} times in a second`)
  }
}

async function checkReminders(world: GroundWorld, notes: Notes): Promise<void> {
  // One node's clock said when, and that of another may be as far behind as the first was ahead.
  await world.run({ ms: REMIND_MS_MAX + 2 * CLOCK_ERROR_MS + 1_000 })
  for (let reminder = 0; reminder < REMINDERS; reminder += 1) {
    const { beats, fired } = await ask(world, (pool) => pool.Reminder[reminder]!.read())
    for (const { key, reminder: of } of notes.reminders) {
      const times = fired.get(key) ?? 0
      if (of === reminder && times !== 1)
        throw new Error(`Reminder ${reminder} fired "${key}" ${times} times`)
    }
    if (notes.started.has(reminder)) await checkBeat(world, reminder, beats)
  }
}

/** A beat waits for the wall clock of the node that its partition has just gone to: then it is asked again. */
async function checkBeat(world: GroundWorld, reminder: number, before: number): Promise<void> {
  let [beaten, beats] = [0, before]
  for (let i = 0; i < 5 && beaten < 3; i += 1) {
    await world.run({ seconds: 4 })
    const now = (await ask(world, (pool) => pool.Reminder[reminder]!.read())).beats
    beaten = now - beats
    beats = now
  }
  if (beaten < 3) throw new Error(`Reminder ${reminder} beat ${beaten} times in four seconds`)
}

async function checkRecipients(world: GroundWorld): Promise<void> {
  for (let recipient = 0; recipient < COURIERS; recipient += 1) {
    const broken = await ask(world, (pool) => pool.Recipient[recipient]!.read())
    if (broken.length > 0) throw new Error(`Recipient ${recipient}: ${broken[0]}`)
  }
}
