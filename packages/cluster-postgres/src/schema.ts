/**
 * The tables and functions that a cluster has in its database, in a schema of its own.
 *
 * Idea: every change locks the one row of `head`, so changes happen one after the other and become visible in the order of their
 * revisions; whoever sees one sees all before it. Each request is one statement that calls one function, so no lock is ever held
 * while a client thinks, and a frozen client stalls nobody.
 *
 * Leases are rows on the database's clock. `tick` ends those whose time is up, and is the only one that does; what it ended is gone
 * for good, and so is what `keep_alive` reports as lost, because it ticks before it says so. A lease's id is a number from a
 * sequence, which never gives one twice, and a random token, so that it cannot be guessed or confused with another database's.
 *
 * Two things make time unknown: nobody ticked for long (the database was away), and its clock went back. Then every lease has its
 * whole time again: later than granted, never earlier.
 */
import { HISTORY_REVS, HISTORY_REVS_MAX, TICK_FRESH_MS, TICK_GAP_MS } from './limits.ts'

/** Raised when an older version could not use what this one makes. */
export const FORMAT = 1

/** Where watchers are told that something changed. */
export function channelOf(schema: string): string {
  return `epic_${schema}`
}

/** Statements that make everything in an empty schema. They run in one transaction. */
export function schemaStatements(schema: string): string[] {
  // Quoted, since a schema may be called `user`.
  const s = `"${schema}"`
  const channel = channelOf(schema)
  return [
    ...tables(s),
    endLease(s, channel),
    tick(s),
    keepAlive(s),
    grant(s),
    revoke(s),
    txn(s, channel),
  ]
}

function tables(s: string): string[] {
  return [
    // Updated with each change, in place where there is room on the page.
    `CREATE TABLE ${s}.head (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      format int NOT NULL,
      store_id text NOT NULL,
      rev bigint NOT NULL,
      floor bigint NOT NULL,
      ticked_at timestamptz NOT NULL
    ) WITH (fillfactor = 20)`,
    `INSERT INTO ${s}.head (format, store_id, rev, floor, ticked_at)
      VALUES (${FORMAT}, gen_random_uuid()::text, 0, 0, clock_timestamp())`,
    `CREATE SEQUENCE ${s}.lease_number`,
    `CREATE TABLE ${s}.lease (
      id text PRIMARY KEY,
      ttl_ms bigint NOT NULL,
      ends_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)`,
    `CREATE TABLE ${s}.record (
      key bytea PRIMARY KEY,
      value bytea NOT NULL,
      rev bigint NOT NULL,
      lease text
    )`,
    `CREATE INDEX record_lease ON ${s}.record (lease) WHERE lease IS NOT NULL`,
    // A change without a value is a deletion.
    `CREATE TABLE ${s}.change (
      rev bigint NOT NULL,
      place int NOT NULL,
      key bytea NOT NULL,
      value bytea,
      lease text,
      PRIMARY KEY (rev, place)
    )`,
  ]
}

/** Ends a lease that was over at an instant, with its keys in one revision. The caller holds the lock on `head`. */
function endLease(s: string, channel: string): string {
  return `CREATE FUNCTION ${s}.end_lease(lease_id text, over_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE next_rev bigint;
    BEGIN
      -- A renewal that came in between has moved the end away, and is seen here.
      DELETE FROM ${s}.lease WHERE id = lease_id AND ends_at <= over_at;
      IF NOT FOUND THEN RETURN; END IF;
      SELECT rev + 1 INTO next_rev FROM ${s}.head;
      WITH gone AS (DELETE FROM ${s}.record WHERE lease = lease_id RETURNING key)
        INSERT INTO ${s}.change (rev, place, key)
        SELECT next_rev, row_number() OVER (ORDER BY key), key FROM gone;
      IF NOT FOUND THEN RETURN; END IF;
      UPDATE ${s}.head SET rev = next_rev;
      PERFORM pg_notify('${channel}', next_rev::text);
    END $$`
}

function tick(s: string): string {
  const ms = (count: number): string => `interval '${count} milliseconds'`
  return `CREATE FUNCTION ${s}.tick(is_urgent boolean, OUT store_id text, OUT rev bigint) LANGUAGE plpgsql AS $$
    DECLARE
      was ${s}.head;
      now_at timestamptz := clock_timestamp();
      ended text;
    BEGIN
      SELECT * INTO was FROM ${s}.head;
      IF is_urgent OR now_at < was.ticked_at OR now_at - was.ticked_at >= ${ms(TICK_FRESH_MS)} THEN
        SELECT * INTO was FROM ${s}.head FOR UPDATE;
        now_at := clock_timestamp();
        IF now_at < was.ticked_at OR now_at - was.ticked_at > ${ms(TICK_GAP_MS)} THEN
          UPDATE ${s}.lease SET ends_at = now_at + ttl_ms * ${ms(1)};
        END IF;
        UPDATE ${s}.head SET ticked_at = now_at;
        FOR ended IN SELECT id FROM ${s}.lease WHERE ends_at <= now_at ORDER BY ends_at, id LOOP
          PERFORM ${s}.end_lease(ended, now_at);
        END LOOP;
        IF was.rev - was.floor > ${HISTORY_REVS_MAX} THEN
          DELETE FROM ${s}.change c WHERE c.rev <= was.rev - ${HISTORY_REVS};
          UPDATE ${s}.head SET floor = was.rev - ${HISTORY_REVS};
        END IF;
      END IF;
      SELECT h.store_id, h.rev INTO store_id, rev FROM ${s}.head h;
    END $$`
}

/** The lease's time, or null when it is lost. */
function keepAlive(s: string): string {
  return `CREATE FUNCTION ${s}.keep_alive(lease_id text) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE found_ms bigint;
    BEGIN
      FOR try IN 1..2 LOOP
        UPDATE ${s}.lease
          SET ends_at = clock_timestamp() + ttl_ms * interval '1 millisecond'
          WHERE id = lease_id AND ends_at > clock_timestamp()
          RETURNING ttl_ms INTO found_ms;
        IF found_ms IS NOT NULL OR try = 2 THEN RETURN found_ms; END IF;
        -- Before it is called lost it must be gone, or a tick that finds time unknown would revive it.
        PERFORM ${s}.tick(true);
      END LOOP;
    END $$`
}

function grant(s: string): string {
  return `CREATE FUNCTION ${s}.grant_lease(asked_ms bigint) RETURNS text LANGUAGE sql AS $$
    INSERT INTO ${s}.lease (id, ttl_ms, ends_at)
      VALUES (
        nextval('${s}.lease_number') || '-' || left(replace(gen_random_uuid()::text, '-', ''), 16),
        asked_ms,
        clock_timestamp() + asked_ms * interval '1 millisecond'
      )
      RETURNING id
    $$`
}

function revoke(s: string): string {
  return `CREATE FUNCTION ${s}.revoke_lease(lease_id text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM 1 FROM ${s}.head FOR UPDATE;
      PERFORM ${s}.end_lease(lease_id, 'infinity');
    END $$`
}

/**
 * Compares, then does the one list or the other. Keys and values come and go in base64 inside JSON. \`outcome\`: \`then\`, \`else\`, or
 * \`lost\` when it would put under a lease that is gone.
 */
function txn(s: string, channel: string): string {
  return `CREATE FUNCTION ${s}.txn(request jsonb, OUT outcome text, OUT rev bigint, OUT reads jsonb) LANGUAGE plpgsql AS $$
    DECLARE
      next_rev bigint;
      place int := 0;
      condition jsonb;
      op jsonb;
      ops jsonb;
      op_key bytea;
      found_rec ${s}.record;
      holds boolean := true;
    BEGIN
      -- Not left to chance: an acknowledged change is durable.
      IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
      END IF;
      SELECT head.rev + 1 INTO next_rev FROM ${s}.head FOR UPDATE;
      FOR condition IN SELECT * FROM jsonb_array_elements(request->'if') LOOP
        SELECT * INTO found_rec FROM ${s}.record WHERE key = decode(condition->>'key', 'base64');
        holds := holds AND CASE condition->>'is'
          WHEN 'missing' THEN found_rec.key IS NULL
          WHEN 'present' THEN found_rec.key IS NOT NULL
          ELSE found_rec.key IS NOT NULL AND found_rec.rev = (condition->>'rev')::numeric
        END;
      END LOOP;
      outcome := CASE WHEN holds THEN 'then' ELSE 'else' END;
      ops := request->outcome;
      rev := next_rev - 1;
      reads := '[]';
      IF EXISTS (
        SELECT 1 FROM jsonb_array_elements(ops) put
          WHERE put ? 'lease' AND NOT EXISTS (SELECT 1 FROM ${s}.lease WHERE id = put->>'lease')
      ) THEN
        outcome := 'lost';
        RETURN;
      END IF;
      FOR op IN SELECT * FROM jsonb_array_elements(ops) LOOP
        op_key := decode(op->>'key', 'base64');
        IF op->>'op' = 'get' THEN
          SELECT * INTO found_rec FROM ${s}.record WHERE key = op_key;
          CONTINUE WHEN NOT FOUND;
          reads := reads || jsonb_build_object(
            'key', op->>'key', 'value', encode(found_rec.value, 'base64'),
            'rev', found_rec.rev::text, 'lease', found_rec.lease
          );
        ELSIF op->>'op' = 'put' THEN
          place := place + 1;
          INSERT INTO ${s}.record (key, value, rev, lease)
            VALUES (op_key, decode(op->>'value', 'base64'), next_rev, op->>'lease')
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, rev = excluded.rev, lease = excluded.lease;
          INSERT INTO ${s}.change (rev, place, key, value, lease)
            VALUES (next_rev, place, op_key, decode(op->>'value', 'base64'), op->>'lease');
        ELSE
          DELETE FROM ${s}.record WHERE key = op_key;
          CONTINUE WHEN NOT FOUND;
          place := place + 1;
          INSERT INTO ${s}.change (rev, place, key) VALUES (next_rev, place, op_key);
        END IF;
      END LOOP;
      IF place > 0 THEN
        UPDATE ${s}.head SET rev = next_rev;
        PERFORM pg_notify('${channel}', next_rev::text);
        rev := next_rev;
      END IF;
    END $$`
}
