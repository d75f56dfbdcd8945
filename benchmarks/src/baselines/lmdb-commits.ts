/**
 * Baseline: durable commits of LMDB alone, in the folder given.
 *
 * Each caller puts one record and awaits it; what is put in one turn of the event loop shares a
 * transaction, so many callers make a group commit and one caller pays for a commit by itself.
 *
 * `overlappingSync: false`, because then a put resolves only after the `fdatasync` of its own
 * transaction, by construction. With the default (`true`) the same was seen under strace (each of
 * 1,342 puts of eight callers out of step was followed by an fdatasync before its promise resolved),
 * but it is no faster here: 0.31 against 0.27 ms a commit.
 */

import assert from 'node:assert/strict'
import { open } from 'lmdb'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../probe.ts'

const recordBytes = 32
const [, , folder] = process.argv
assert(folder !== undefined, 'The folder of the environment is missing')

const keys = Array.from({ length: 1_000 }, (_, i) => `Counter/${i}`)
const store = open<Buffer, string>({ path: folder, overlappingSync: false, encoding: 'binary' })
const counts = new Map<string, number>()

serveProbe((load) =>
  runClosedLoop((target) => {
    const key = keys[target] ?? `Counter/${target}`
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    const record = Buffer.alloc(recordBytes)
    record.writeDoubleLE(count)
    return store.put(key, record)
  }, load),
)
