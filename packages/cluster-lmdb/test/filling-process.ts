/**
 * Fills the disk below the cluster's truth, goes on writing to it, and says what came of it; a test gives it room meanwhile.
 * Argument: folder. A line on standard input: there is room now.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { ClusterLog } from '@epicserver/cluster-memory'
import { isEpicError } from '@epicserver/contracts'
import { LmdbDisk } from '#src/lmdb-disk.ts'

const VALUE_BYTES = 100_000
/** Each would be a write that fails inside LMDB, complained of on standard error, with memory overrun. */
const TRIES = 200

const disk = LmdbDisk.open(process.argv[2] ?? '')

/** What a commit of one record says: `saved`, or the error's code. */
async function save(key: string): Promise<string> {
  const log = new ClusterLog(disk.load(), 0)
  log.txn({ if: [], then: [{ op: 'put', key, value: new Uint8Array(VALUE_BYTES) }] })
  const delta = log.pollDelta()
  if (delta === null) return 'nothing to save'
  return disk.commit(delta).then(
    () => 'saved',
    (error: unknown) => (isEpicError(error) ? `${error.code} ${error.retry}` : String(error)),
  )
}

let saved = 0
while ((await save(`k${saved}`)) === 'saved') saved += 1
const answers = new Set<string>()
for (let tried = 0; tried < TRIES; tried += 1) answers.add(await save('more'))
writeSync(1, `full: ${[...answers].join(', ')}; readable: ${disk.load().recs.length === saved}\n`)
await once(process.stdin, 'data')
writeSync(1, `room: ${await save('more')}; readable: ${disk.load().recs.length === saved + 1}\n`)
await disk.close()
process.exit()
