/**
 * Baseline: durable commits of LMDB alone, in the folder given.
 *
 * Each caller puts one record and awaits it; what is put in one turn of the event loop shares a
 * transaction, so many callers make a group commit and one caller pays for a commit by itself.
 *
 * Asked for `guarded`, each put says which version it replaces, as whoever must not overwrite what
 * another process wrote would use LMDB by itself. Then each caller also has a promise of its own:
 * the plain puts of one transaction share one.
 *
 * `overlappingSync: false`, because then a put resolves only after the `fdatasync` of its own
 * transaction, by construction. With the default (`true`) the same was seen under strace (each of
 * 1,342 puts of eight callers out of step was followed by an fdatasync before its promise resolved),
 * but it is no faster here: 0.31 against 0.27 ms a commit.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { open } from 'lmdb'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'

const recordBytes = 32
const [, , folder] = process.argv
assert(folder !== undefined, 'The folder of the environment is missing')

const keys = Array.from({ length: 1_000 }, (_, i) => `Counter/${i}`)
const options = { overlappingSync: false, encoding: 'binary' } as const
const store = open<Buffer, string>({ ...options, path: folder })
const guarded = open<Buffer, string>({
  ...options,
  path: join(folder, 'guarded'),
  useVersions: true,
})
const counts = new Map<string, number>()
const versions = new Map<string, number>()

function keyOf(target: number): string {
  return keys[target] ?? `Counter/${target}`
}

function recordOf(count: number): Buffer {
  const record = Buffer.alloc(recordBytes)
  record.writeDoubleLE(count)
  return record
}

function put(target: number): Promise<boolean> {
  const key = keyOf(target)
  const count = (counts.get(key) ?? 0) + 1
  counts.set(key, count)
  return store.put(key, recordOf(count))
}

/** The first put of a key requires that there is none. */
function putGuarded(target: number): Promise<boolean> {
  const key = keyOf(target)
  const version = versions.get(key) ?? guarded.getEntry(key)?.version ?? 0
  versions.set(key, version + 1)
  const record = recordOf(version + 1)
  if (version > 0) return guarded.put(key, record, version + 1, version)
  return guarded.ifNoExists(key, () => void guarded.put(key, record, version + 1))
}

serveProbe((load) =>
  runClosedLoop(
    load.operation === 'guarded'
      ? async (target) => assert(await putGuarded(target), 'A guarded put was refused')
      : put,
    load,
  ),
)
