// Ours: increments of saved counters, answered when they are committed in the PostgreSQL at the address given.

import assert from 'node:assert/strict'
import { PostgresStateStore } from '@epicserver/store-postgres'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'
import { startNodeAlone } from './node-alone.ts'

const [, , address] = process.argv
assert(address !== undefined, 'The address of the database is missing')

const store = new PostgresStateStore({ addresses: [address], schema: 'bench' })
await store.prepare()
const { pool } = startNodeAlone(store)

serveProbe((load) => runClosedLoop((target) => pool.SavedCounter[target]!.increment(1), load))
