/** The app of the cluster scenario: entities whose answers tell whether anything was lost, doubled or put out of order. */
import { defineApp, type App } from 'epicserver'
import { Courier, Recipient } from '../ground/courier.ts'
import { Counter, Guard, Memory } from './counter.ts'

export type ClusterClasses = {
  Counter: typeof Counter
  Courier: typeof Courier
  Guard: typeof Guard
  Memory: typeof Memory
  Recipient: typeof Recipient
}

export const clusterApp: App<ClusterClasses> = defineApp({
  entities: { Counter, Courier, Guard, Memory, Recipient },
})
