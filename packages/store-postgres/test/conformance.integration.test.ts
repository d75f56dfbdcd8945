import { after, before } from 'node:test'
import { describeStateStore, findPostgres, startPostgres } from '@epicserver/conformance'
import type { PostgresServer, StateStoreHarness } from '@epicserver/conformance'
import { PostgresStateStore } from '@epicserver/store-postgres'
import postgres from 'postgres'
import type { Sql } from 'postgres'

const found = await findPostgres()
let server: PostgresServer
let admin: Sql
let schemas = 0

before(async () => {
  if (found.programs === undefined) return
  server = await startPostgres({ programs: found.programs })
  admin = postgres(server.address, { max: 1, onnotice: () => undefined })
})
after(async () => {
  await admin?.end()
  await server?.stop()
})

async function open(): Promise<StateStoreHarness> {
  schemas += 1
  const schema = `case_${schemas}`
  const connect = (): PostgresStateStore =>
    new PostgresStateStore({ addresses: [server.address], schema })
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
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'epicserver state'`
      return (store = connect())
    },
    close: async () => {
      await store.close()
      await admin`DROP SCHEMA IF EXISTS ${admin(schema)} CASCADE`
    },
  }
}

describeStateStore('PostgresStateStore', open, { skip: found.missing })
