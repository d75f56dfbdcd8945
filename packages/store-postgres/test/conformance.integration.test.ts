import { after, before } from 'node:test'
import { describeStateStore, findPostgres, startPostgres } from '@epicserver/conformance'
import type { PostgresServer, StateStoreHarness } from '@epicserver/conformance'
import { PostgresStateStore } from '@epicserver/store-postgres'
import type { Sql } from 'postgres'
import { adminOf } from './postgres-ground.ts'

const found = await findPostgres()
let server: PostgresServer
let admin: Sql

const connect = (): PostgresStateStore =>
  new PostgresStateStore({ addresses: [server.address], schema: 'conformance' })

before(async () => {
  if (found.programs === undefined) return
  server = await startPostgres({ programs: found.programs })
  admin = adminOf(server.address)
  const first = connect()
  await first.prepare()
  await first.close()
})
after(async () => {
  await admin?.end()
  await server?.stop()
})

/** Each case begins with empty tables; making them anew would take longer than most cases. */
async function open(): Promise<StateStoreHarness> {
  for (const table of ['entity', 'entry', 'task', 'declared_index'])
    await admin`DELETE FROM conformance.${admin(table)}`
  let store = connect()
  return {
    store,
    reopen: async () => {
      await store.close()
      return (store = connect())
    },
    crash: async () => {
      // What the database hears of a node that died: its connections end, whatever is under way.
      await admin`
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE application_name = 'epicserver state'`
      // A dead node writes nothing more; this one is alive, and would connect again for what it still has.
      await store.close()
      return (store = connect())
    },
    close: () => store.close(),
  }
}

describeStateStore('PostgresStateStore', open, { skip: found.missing })
