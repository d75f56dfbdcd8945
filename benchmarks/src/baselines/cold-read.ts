// Baseline: a bare node process that opens LMDB, in the folder given, and reads one record; or, asked to fill it, writes so many.

import assert from 'node:assert/strict'
import { open } from 'lmdb'

const recordBytes = 32
const [, , folder, fill] = process.argv
assert(folder !== undefined, 'The folder of the environment is missing')

const store = open<Buffer, string>({ path: folder, overlappingSync: false, encoding: 'binary' })
if (fill === undefined) {
  assert(store.get('Counter/7919') !== undefined, 'The record is missing')
  console.log('read')
} else {
  for (let i = 0; i < Number(fill); i += 1) {
    void store.put(`Counter/${i}`, Buffer.alloc(recordBytes))
  }
  await store.committed
}
await store.close()
