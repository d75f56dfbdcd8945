/**
 * Baseline: a bare loop of guarded upserts in the PostgreSQL at the address given, one statement each, over four connections.
 *
 * The guard is that of our store (epoch not below, version one less), in the statement itself: what somebody would write by hand who
 * wants the same safety. The driver is the same, too, with prepared statements.
 */

import assert from 'node:assert/strict'
import postgres from 'postgres'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'

const recordBytes = 32
const [, , address] = process.argv
assert(address !== undefined, 'The address of the database is missing')

const sql = postgres(address, { max: 4, fetch_types: false, onnotice: () => undefined })
await sql`CREATE TABLE counter (
  type text COLLATE "C", id bytea, epoch bigint, version bigint, state bytea, PRIMARY KEY (type, id))`
const upsert = `
  INSERT INTO counter VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (type, id) DO UPDATE
    SET epoch = excluded.epoch, version = excluded.version, state = excluded.state
    WHERE counter.epoch <= excluded.epoch AND counter.version = excluded.version - 1
  RETURNING version`

const versions = new Map<number, number>()

serveProbe((load) =>
  runClosedLoop(async (target) => {
    const version = (versions.get(target) ?? 0) + 1
    versions.set(target, version)
    const record = Buffer.alloc(recordBytes)
    record.writeDoubleLE(version)
    const values = ['Counter', Buffer.from(`${target}`), 1, version, record]
    const rows = await sql.unsafe(upsert, values, { prepare: true })
    assert.equal(rows.length, 1, `the guard of ${target} does not hold`)
  }, load),
)
