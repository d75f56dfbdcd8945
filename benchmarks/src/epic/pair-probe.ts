// Ours: calls from the node in this process to entities of a node in another, over a unix socket or the stream that is given: `tcp`, `tls`.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openClusterAuthority } from '@epicserver/cluster-lmdb'
import { streamKindOf } from '../baselines/bare-stream.ts'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'
import { joinPair } from './pair-member.ts'

const stream = streamKindOf(process.argv[2] ?? 'unix')
// A socket's path is short.
const folder = mkdtempSync(join(tmpdir(), 'epic-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
await openClusterAuthority({
  folder: join(folder, 'cluster'),
  socketPath: join(folder, 'cluster.sock'),
})
fork(new URL('./pair-server.js', import.meta.url), [folder, stream], { execArgv: [] })
const { node, isRemote } = await joinPair(folder, 'client', stream)

const remote: string[] = []
for (let i = 0; remote.length < 1_000; i += 1) {
  if (isRemote('Counter', String(i)) === true) remote.push(String(i))
  assert(i < 100_000, 'The other node owns nothing')
}
const counters = remote.map(
  (id) =>
    node.ref({ name: 'Counter', oneWay: [] }, id) as never as {
      increment(by: number): Promise<number>
    },
)
for (const counter of counters) await counter.increment(1)
assert(node.kernel.isEmpty, 'Some of the entities are here')

serveProbe((load) => runClosedLoop((target) => counters[target]!.increment(1), load))
