/**
 * How do the systems that people would otherwise take do the same work on this machine?
 *
 * Each of them, and Epic Server, is measured against the bare means of each kind of work, so the ratios
 * can be compared with one another though they run one after the other: two of them running at once
 * on a small machine would only measure each other.
 *
 * Load comes from a process of its own, except for calls inside a process. What a peer does not have,
 * and a peer that is not there, is skipped by name.
 */

import { compare, type BenchDefinition, type BenchOptions, type Row } from '../harness.ts'
import { durableObjects } from '../peers/durable-objects.ts'
import { epicServer } from '../peers/epic-server.ts'
import { erlang } from '../peers/erlang.ts'
import { installPeers } from '../peers/installation.ts'
import { moleculer } from '../peers/moleculer.ts'
import { type Peer, type RunningPeer } from '../peers/peer.ts'
import { restate } from '../peers/restate.ts'
import {
  contenderFor,
  durableIncrementOf1000,
  durableIncrementOfOne,
  localCall,
  oneRemoteCall,
  remoteCalls100,
  withBaselines,
  withFolder,
  type Baselines,
} from '../workloads.ts'

export const bench: BenchDefinition = {
  name: 'peers',
  question: 'How do other systems do the same work on this machine?',
  run: (options) => withBaselines((baselines) => measurePeers(baselines, options)),
}

const works = [
  localCall,
  oneRemoteCall,
  remoteCalls100,
  durableIncrementOfOne,
  durableIncrementOf1000,
]

async function measurePeers(baselines: Baselines, options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const peer of [epicServer, erlang, restate, durableObjects, moleculer]) {
    rows.push(...(await withFolder((folder) => measurePeer(peer, folder, baselines, options))))
  }
  return rows
}

async function measurePeer(
  peer: Peer,
  folder: string,
  baselines: Baselines,
  options: BenchOptions,
): Promise<Row[]> {
  options.note(peer.name)
  let running: RunningPeer
  try {
    if (peer.isFromNpm === true) installPeers(options.note)
    running = await peer.start(folder)
  } catch (error) {
    options.skip(peer.name, reasonOf(error))
    return []
  }
  try {
    return await measureWorks(running, baselines, options)
  } finally {
    await running.stop()
  }
}

async function measureWorks(
  peer: RunningPeer,
  baselines: Baselines,
  options: BenchOptions,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const work of works) {
    const measurable = peer.can[work.kind]
    const label = `${peer.name}: ${work.name}`
    if (measurable === undefined) {
      options.skip(label, 'it has no such thing')
      continue
    }
    options.note(label)
    const bare = baselines[work.kind]
    const comparison = {
      case: label,
      unit: work.unit,
      subject: contenderFor(work, label, measurable, options),
      baseline: contenderFor(work, bare.name, bare.probe, options),
    }
    rows.push(await compare(comparison, options))
  }
  return rows
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
