/**
 * What a store has in each of its databases, in a schema of its own, and how an older one becomes this.
 *
 * Ids, keys and names are bytes: their order is that of the port, and they come back as they were, whatever encoding and collation
 * the database has. The view `readable` shows them as text, for people.
 *
 * Formats only go up. Step n brings a schema from format n to n + 1; a step that has been released is never changed again. While
 * nodes of the version before still run, a step may add, but not take away what they use.
 */
import { applyFunction } from './apply-function.ts'

/** Which of how many databases a schema is, so that no node takes one for another. */
export interface ShardPlace {
  readonly shard: number
  readonly shardCount: number
}

/** The statements of a step, for a schema by its quoted name. */
export type Migration = (s: string, place: ShardPlace) => readonly string[]

/** The steps, the first of which makes everything. Their number is the format that this version reads and writes. */
export const MIGRATIONS: readonly Migration[] = [
  (s, place) => [...tables(s), identity(s, place), readable(s), applyFunction(s)],
]

function tables(s: string): string[] {
  return [
    `CREATE TABLE ${s}.meta (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      format int NOT NULL,
      shard int NOT NULL,
      shard_count int NOT NULL
    )`,
    // A record without state was removed, or has tasks only; its epoch and version still fence. Room is left on each page, so that
    // a new version of a row lies beside the old one and no index changes.
    `CREATE TABLE ${s}.entity (
      type text COLLATE "C" NOT NULL,
      id bytea NOT NULL,
      partition smallint NOT NULL,
      epoch numeric(20) NOT NULL,
      version numeric(20) NOT NULL,
      state bytea,
      PRIMARY KEY (type, id)
    ) WITH (fillfactor = 75)`,
    `CREATE TABLE ${s}.entry (
      type text COLLATE "C" NOT NULL,
      name bytea NOT NULL,
      key bytea NOT NULL,
      id bytea NOT NULL,
      partition smallint NOT NULL,
      PRIMARY KEY (type, name, key, id)
    )`,
    `CREATE INDEX entry_of_entity ON ${s}.entry (type, id)`,
    `CREATE TABLE ${s}.task (
      type text COLLATE "C" NOT NULL,
      id bytea NOT NULL,
      key bytea NOT NULL,
      due_ms bigint NOT NULL,
      partition smallint NOT NULL,
      body bytea NOT NULL,
      PRIMARY KEY (type, id, key)
    )`,
    `CREATE INDEX task_due ON ${s}.task (due_ms, partition)`,
    `CREATE TABLE ${s}.declared_index (
      type text COLLATE "C" NOT NULL,
      name bytea NOT NULL,
      definition bytea NOT NULL,
      is_ready boolean NOT NULL,
      PRIMARY KEY (type, name)
    )`,
  ]
}

function identity(s: string, { shard, shardCount }: ShardPlace): string {
  return `INSERT INTO ${s}.meta (format, shard, shard_count) VALUES (0, ${shard}, ${shardCount})`
}

function readable(s: string): string {
  return `CREATE VIEW ${s}.readable AS
    SELECT type, convert_from(id, 'UTF8') AS id, partition, epoch, version, octet_length(state) AS state_bytes
    FROM ${s}.entity`
}
