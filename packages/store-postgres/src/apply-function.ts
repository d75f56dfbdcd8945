/**
 * The one function that changes entities: it takes a batch of requests, each for another entity, and does each of them or refuses it.
 *
 * Idea: a batch is one statement, so one round trip, one commit and one wait for the disk, and no lock is ever held while a node
 * thinks. Within it each kind of request is one statement over all rows. The guard of a write (epoch not below, version the same) is
 * the condition of the very UPDATE that writes, so there is no instant between looking and writing.
 *
 * Why several statements inside, and not one with many parts: at `read committed` each sees what was committed when it began. The
 * first ones lock the entities' rows; whatever else belongs to an entity (entries, tasks) changes under that lock only, so the later
 * ones see all of it.
 *
 * Tables that nobody has analysed yet look small to the planner, and its plans are kept: it would read whole tables. So it is told
 * not to.
 */

/** One letter for each kind of request. */
export const KINDS = { claim: 'c', write: 'w', remove: 'r', reindex: 'x' } as const

export type Kind = (typeof KINDS)[keyof typeof KINDS]

/** Its parameters, in their order, with what they hold for each request. */
const PARAMETERS = [
  'kinds text[]',
  'types text[]',
  'ids bytea[]',
  'partitions int[]',
  'epochs numeric[]',
  'versions numeric[]',
  // Null: the state stays as it is.
  'states bytea[]',
  // Lists in hexadecimal (`hexList`); null: the entries stay as they are.
  'entry_names text[]',
  'entry_keys text[]',
  // Lists likewise; null: the tasks stay as they are. The instant `-` clears.
  'task_keys text[]',
  'task_dues text[]',
  'task_bodies text[]',
] as const

/** Casts for a call of it: `$1::text[], $2::bytea[], …`. */
export const APPLY_ARGUMENTS: string = PARAMETERS.map(
  (parameter, i) => `$${i + 1}::${parameter.split(' ')[1]}`,
).join(', ')

/** The statement that makes the function. */
export function applyFunction(s: string): string {
  return `CREATE FUNCTION ${s}.apply(${PARAMETERS.join(', ')})
    RETURNS TABLE (nr int, is_done boolean, epoch numeric, version numeric, state bytea)
    LANGUAGE plpgsql SET enable_seqscan = off AS $$
    #variable_conflict use_column
    DECLARE
      done boolean[] := array_fill(false, ARRAY[cardinality(kinds)]);
      one int;
      asked record;
    BEGIN
      -- Not left to chance: what is acknowledged is durable.
      IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
      END IF;
      ${claims(s)}
      ${writes(s)}
      ${reindexes(s)}
      ${entries(s)}
      ${tasks(s)}
      RETURN QUERY
        SELECT a.nr::int, true, NULL::numeric, NULL::numeric, NULL::bytea
          FROM unnest(kinds, done) WITH ORDINALITY AS a (kind, done, nr)
          WHERE a.done AND a.kind <> '${KINDS.claim}';
      -- What stands in the way, for whoever was refused. All null: nothing is saved.
      IF false = ANY(done) THEN
        RETURN QUERY
          SELECT a.nr::int, false, e.epoch, e.version, NULL::bytea
            FROM unnest(types, ids, done) WITH ORDINALITY AS a (type, id, done, nr)
            LEFT JOIN ${s}.entity e ON e.type = a.type AND e.id = a.id
            WHERE NOT a.done;
      END IF;
    END $$`
}

function claims(s: string): string {
  return `
      IF '${KINDS.claim}' = ANY(kinds) THEN
        FOR nr, epoch, version, state IN
          UPDATE ${s}.entity e SET epoch = a.epoch
            FROM unnest(kinds, types, ids, epochs) WITH ORDINALITY AS a (kind, type, id, epoch, nr)
            WHERE a.kind = '${KINDS.claim}'
              AND e.type = a.type AND e.id = a.id AND e.epoch <= a.epoch
            RETURNING a.nr::int, e.epoch, e.version, e.state
        LOOP
          done[nr] := true;
          is_done := true;
          RETURN NEXT;
        END LOOP;
      END IF;`
}

function writes(s: string): string {
  return `
      FOR one IN
        UPDATE ${s}.entity e
          SET epoch = a.epoch,
            version = a.version + 1,
            state = CASE WHEN a.kind = '${KINDS.remove}' THEN NULL ELSE coalesce(a.state, e.state) END
          FROM unnest(kinds, types, ids, epochs, versions, states)
            WITH ORDINALITY AS a (kind, type, id, epoch, version, state, nr)
          WHERE a.kind IN ('${KINDS.write}', '${KINDS.remove}') AND a.version > 0
            AND e.type = a.type AND e.id = a.id AND e.epoch <= a.epoch AND e.version = a.version
          RETURNING a.nr::int
      LOOP
        done[one] := true;
      END LOOP;
      IF 0 = ANY(versions) THEN
        FOR asked IN
          SELECT * FROM unnest(kinds, types, ids, partitions, epochs, versions, states)
              WITH ORDINALITY AS a (kind, type, id, partition, epoch, version, state, nr)
            WHERE a.kind = '${KINDS.write}' AND a.version = 0
        LOOP
          INSERT INTO ${s}.entity (type, id, partition, epoch, version, state)
            VALUES (asked.type, asked.id, asked.partition, asked.epoch, 1, asked.state)
            ON CONFLICT (type, id) DO NOTHING;
          IF FOUND THEN done[asked.nr] := true; END IF;
        END LOOP;
      END IF;`
}

function reindexes(s: string): string {
  return `
      IF '${KINDS.reindex}' = ANY(kinds) THEN
        FOR one IN
          SELECT a.nr::int
            FROM unnest(kinds, types, ids, versions) WITH ORDINALITY AS a (kind, type, id, version, nr)
            JOIN ${s}.entity e ON e.type = a.type AND e.id = a.id
            WHERE a.kind = '${KINDS.reindex}' AND e.version = a.version AND e.state IS NOT NULL
            FOR UPDATE OF e
        LOOP
          done[one] := true;
        END LOOP;
      END IF;`
}

/** Entries that are there and stay are not touched. */
function entries(s: string): string {
  return `
      IF array_remove(entry_names, NULL) <> '{}' THEN
        DELETE FROM ${s}.entry x
          USING unnest(done, types, ids, entry_names, entry_keys) AS a (done, type, id, names, keys)
          WHERE a.done AND a.names IS NOT NULL AND x.type = a.type AND x.id = a.id
            AND NOT EXISTS (
              SELECT FROM unnest(string_to_array(a.names, ','), string_to_array(a.keys, ',')) AS n (name, key)
                WHERE decode(substr(n.name, 2), 'hex') = x.name AND decode(substr(n.key, 2), 'hex') = x.key
            );
        INSERT INTO ${s}.entry (type, name, key, id, partition)
          SELECT a.type, decode(substr(n.name, 2), 'hex'), decode(substr(n.key, 2), 'hex'), a.id, a.partition
            FROM unnest(done, types, ids, partitions, entry_names, entry_keys)
              AS a (done, type, id, partition, names, keys),
              unnest(string_to_array(a.names, ','), string_to_array(a.keys, ',')) AS n (name, key)
            WHERE a.done
          ON CONFLICT DO NOTHING;
      END IF;`
}

function tasks(s: string): string {
  const changes = `unnest(string_to_array(a.keys, ','), string_to_array(a.dues, ','), string_to_array(a.bodies, ','))
              AS n (key, due, body)`
  return `
      IF '${KINDS.remove}' = ANY(kinds) THEN
        DELETE FROM ${s}.task t USING unnest(done, kinds, types, ids) AS a (done, kind, type, id)
          WHERE a.done AND a.kind = '${KINDS.remove}' AND t.type = a.type AND t.id = a.id;
      END IF;
      IF array_remove(task_keys, NULL) <> '{}' THEN
        DELETE FROM ${s}.task t
          USING unnest(done, types, ids, task_keys, task_dues, task_bodies)
            AS a (done, type, id, keys, dues, bodies),
            ${changes}
          WHERE a.done AND n.due = '-' AND t.type = a.type AND t.id = a.id
            AND t.key = decode(substr(n.key, 2), 'hex');
        INSERT INTO ${s}.task (type, id, key, due_ms, partition, body)
          SELECT a.type, a.id, decode(substr(n.key, 2), 'hex'), n.due::bigint, a.partition,
              decode(substr(n.body, 2), 'hex')
            FROM unnest(done, types, ids, partitions, task_keys, task_dues, task_bodies)
              AS a (done, type, id, partition, keys, dues, bodies),
              ${changes}
            WHERE a.done AND n.due <> '-'
          ON CONFLICT (type, id, key) DO UPDATE SET due_ms = excluded.due_ms, body = excluded.body;
      END IF;`
}
