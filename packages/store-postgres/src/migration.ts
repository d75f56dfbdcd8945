/**
 * Brings a schema to the format of this version, whoever comes first.
 *
 * Of nodes that start together one does it, under an advisory lock and in one transaction; the others find it done. A schema of a
 * newer version, or of another place among the databases, is refused by name.
 */
import { EpicError } from '@epicserver/contracts'
import type { ISql, Sql } from 'postgres'
import { MIGRATION_MS_MAX } from './limits.ts'
import { MIGRATIONS } from './schema.ts'
import type { Migration, ShardPlace } from './schema.ts'

interface Meta {
  readonly format: number
  readonly shard: number
  readonly shard_count: number
}

/** What a schema ought to be. */
interface Meant {
  readonly schema: string
  readonly place: ShardPlace
  readonly migrations: readonly Migration[]
}

/**
 * Makes sure that the schema is there, and is the one that is meant.
 * @throws EpicError `StoreNewer`, `Incompatible`; and what the driver throws
 */
export async function prepareSchema(
  sql: Sql,
  options: { schema: string; place: ShardPlace; migrations?: readonly Migration[] },
): Promise<void> {
  const meant: Meant = { migrations: MIGRATIONS, ...options }
  const { schema, migrations } = meant
  const found = await readMeta(sql, schema)
  if (found !== undefined) checkMeta(found, meant)
  if (found?.format === migrations.length) return
  await sql.begin(async (transaction) => {
    await transaction.unsafe(`SET LOCAL statement_timeout = ${MIGRATION_MS_MAX}`)
    await transaction`SELECT pg_advisory_xact_lock(hashtext(${`epicserver state ${schema}`}))`
    await migrate(transaction, meant)
  })
}

async function migrate(sql: ISql, meant: Meant): Promise<void> {
  const { schema, place, migrations } = meant
  const found = await readMeta(sql, schema)
  if (found === undefined) await sql`CREATE SCHEMA IF NOT EXISTS ${sql(schema)}`
  else checkMeta(found, meant)
  // Quoted, since a schema may be called `user`.
  const s = `"${schema}"`
  for (const [step, statementsOf] of migrations.entries()) {
    if (step < (found?.format ?? 0)) continue
    for (const statement of statementsOf(s, place)) await sql.unsafe(statement)
    await sql.unsafe(`UPDATE ${s}.meta SET format = ${step + 1}`)
  }
}

/**
 * What the schema says of itself; nothing, where it is not there. Asked of the catalogue's tables: what `to_regclass` answers from is a
 * cache, which inside a transaction may still be without what another has made meanwhile.
 */
async function readMeta(sql: ISql, schema: string): Promise<Meta | undefined> {
  const tables = await sql`
    SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = 'meta'`
  if (tables.length === 0) return undefined
  const [meta] = await sql<Meta[]>`SELECT format, shard, shard_count FROM ${sql(schema)}.meta`
  return meta
}

function checkMeta(meta: Meta, { schema, place, migrations }: Meant): void {
  const { shard, shardCount } = place
  if (meta.format > migrations.length) {
    throw new EpicError(
      'StoreNewer',
      `Cannot use the schema "${schema}": it has format ${meta.format}, this version reads up to ${migrations.length}`,
    )
  }
  if (meta.shard === shard && meta.shard_count === shardCount) return
  throw new EpicError(
    'Incompatible',
    `Cannot use the schema "${schema}" as database ${shard + 1} of ${shardCount}: it was made as ${meta.shard + 1} of ${meta.shard_count}; give the addresses in the order and number in which they were given first`,
  )
}
