/** A real server for tests, with short words for what they say most. */
import { after, before } from 'node:test'
import { findPostgres, startPostgres } from '@epicserver/conformance'
import type { PostgresServer } from '@epicserver/conformance'
import type { EntityId } from '@epicserver/contracts'
import { PostgresStateStore } from '@epicserver/store-postgres'
import type { PostgresStateStoreOptions } from '@epicserver/store-postgres'
import postgres from 'postgres'
import type { Sql } from 'postgres'

const found = await findPostgres()

/** Why there is no server; nothing, when there is one. */
export const noPostgres: string | undefined = found.missing

/** Who may do everything, and a server that is there from before the first test to after the last. */
export interface Ground {
  readonly server: PostgresServer
  readonly admin: Sql
  /** A store in a schema of its own, closed after the last test. */
  open(options?: Partial<PostgresStateStoreOptions>): PostgresStateStore
}

/** Starts a server for the tests that are described beside this. */
export function groundForTests(): Ground {
  let server: PostgresServer
  let admin: Sql
  let schemas = 0
  const stores: PostgresStateStore[] = []
  before(async () => {
    server = await startPostgres({ programs: found.programs ?? '' })
    admin = adminOf(server.address)
  })
  after(async () => {
    for (const store of stores) await store.close()
    await admin.end()
    await server.stop()
  })
  return {
    get server() {
      return server
    },
    get admin() {
      return admin
    },
    open: (options) => {
      schemas += 1
      const addresses = [server.address]
      const store = new PostgresStateStore({ addresses, schema: `case_${schemas}`, ...options })
      stores.push(store)
      return store
    },
  }
}

/** A connection that may do everything. */
export function adminOf(address: string): Sql {
  return postgres(address, { max: 1, onnotice: () => undefined })
}

export function thing(id: string | number): EntityId {
  return { type: 'Thing', id: String(id) }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString()
}
