/** Commits to a disk and says so on standard output, each time in a write of its own; traced by a test. Argument: folder. */
import { writeSync } from 'node:fs'
import { ClusterLog } from '@epicserver/cluster-memory'
import { LmdbDisk } from '#src/lmdb-disk.ts'

const disk = LmdbDisk.open(process.argv[2] ?? '')
const log = new ClusterLog(disk.load(), 0)
for (let i = 0; i < 20; i += 1) {
  const value = new Uint8Array(1 + i * 1_000)
  log.txn({ if: [], then: [{ op: 'put', key: `k${i % 5}`, value }] })
  const delta = log.pollDelta()
  writeSync(1, 'COMMITTING\n')
  if (delta !== null) await disk.commit(delta)
  writeSync(1, 'COMMITTED\n')
}
await disk.close()
