/** The app of the ground scenario: small entities, each of which would show one promise broken. */
import { defineApp, type App } from 'epicserver'
import { Account } from './account.ts'
import { Reminder, Ticker } from './clockwork.ts'
import { Courier, Recipient } from './courier.ts'
import { Ledger } from './ledger.ts'
import { Diner, Vault } from './vault.ts'

export type GroundClasses = {
  Account: typeof Account
  Courier: typeof Courier
  Diner: typeof Diner
  Ledger: typeof Ledger
  Recipient: typeof Recipient
  Reminder: typeof Reminder
  Ticker: typeof Ticker
  Vault: typeof Vault
}

export const groundApp: App<GroundClasses> = defineApp({
  entities: { Account, Courier, Diner, Ledger, Recipient, Reminder, Ticker, Vault },
})
