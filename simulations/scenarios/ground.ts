/**
 * The ground: one to five nodes, all kinds of faults, and entities of which each would show one promise broken.
 *
 * Clients add, transfer, lock, wait, remind and send for half a minute of virtual time, while everything goes wrong that the seed
 * has drawn. Then the faults end, and what the entities say is compared with what the clients were told.
 */
import {
  converges,
  everyCallAnswered,
  noLeak,
  nothingAcknowledgedLost,
  orderPerPair,
  simulate,
  singleActivation,
} from '@epicserver/testkit'
import { groundApp } from './ground/app.ts'
import { Notes, runClient } from './ground/clients.ts'
import { checkGround } from './ground/final-checks.ts'
import { replayCommand, type Scenario } from './scenario.ts'

const CLIENTS = 4
const STORM_MS = 30_000

export const ground: Scenario = {
  name: 'ground',
  summary: 'counters, money, locks, timers, tasks and messages, with everything going wrong',
  run: ({ seed, ...options }) =>
    simulate(
      {
        app: groundApp,
        nodes: 1 + (seed % 5),
        seed,
        faults: 'drawn',
        replay: replayCommand('ground', seed),
        ...options,
      },
      async (world) => {
        const notes = new Notes()
        const until = world.now + STORM_MS
        await Promise.all(Array.from({ length: CLIENTS }, () => runClient(world, notes, until)))
        await world.check(everyCallAnswered, converges)
        await checkGround(world, notes)
        await world.check(singleActivation, nothingAcknowledgedLost, orderPerPair, noLeak)
      },
    ),
}
