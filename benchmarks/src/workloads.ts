/**
 * The work that is compared, each kind of it with the bare means that it is held against.
 *
 * Every bench takes its cases from here, so that a figure of ours, of a peer and of a baseline under
 * one name mean the same work: an entity with a counter, and callers that add one to it and wait for
 * the new value.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { microsecondsEach, perSecond, type Load, type Measured } from './closed-loop.ts'
import { type BenchOptions, type Contender } from './harness.ts'
import { Probe } from './probe.ts'

/** Where caller and entity are, and what the answer waits for. */
export type WorkKind = 'local' | 'remote' | 'durable'

export interface Workload {
  readonly name: string
  readonly kind: WorkKind
  readonly unit: 'calls/s' | 'µs/call'
  readonly load: Omit<Load, 'durationMs'>
}

/** What can be put under load: a probe, or a peer behind its own protocol. */
export interface Measurable {
  measure(load: Load): Promise<Measured>
}

const inMemory = 'increment'
const durable = 'durable-increment'

export const localCall: Workload = {
  name: 'call inside a process, 100 callers',
  kind: 'local',
  unit: 'calls/s',
  load: { operation: inMemory, inFlight: 100, targets: 100 },
}

export const oneRemoteCall: Workload = {
  name: 'call between processes, 1 in flight',
  kind: 'remote',
  unit: 'µs/call',
  load: { operation: inMemory, inFlight: 1, targets: 1 },
}

export const remoteCalls100: Workload = {
  name: 'call between processes, 100 in flight',
  kind: 'remote',
  unit: 'calls/s',
  load: { operation: inMemory, inFlight: 100, targets: 100 },
}

export const remoteCalls1000: Workload = {
  name: 'call between processes, 1,000 in flight',
  kind: 'remote',
  unit: 'calls/s',
  load: { operation: inMemory, inFlight: 1_000, targets: 1_000 },
}

export const durableIncrementOfOne: Workload = {
  name: 'durable increment, one entity, 1 in flight',
  kind: 'durable',
  unit: 'calls/s',
  load: { operation: durable, inFlight: 1, targets: 1 },
}

export const durableIncrementOf1000: Workload = {
  name: 'durable increment, 1,000 entities, 1,000 in flight',
  kind: 'durable',
  unit: 'calls/s',
  load: { operation: durable, inFlight: 1_000, targets: 1_000 },
}

/** A contender that does this work, measured in the work's unit. */
export function contenderFor(
  work: Workload,
  name: string,
  measurable: Measurable,
  options: Pick<BenchOptions, 'durationMs'>,
): Contender {
  const load = { ...work.load, durationMs: options.durationMs }
  return {
    name,
    async measure() {
      const measured = await measurable.measure(load)
      return work.unit === 'calls/s'
        ? perSecond(measured)
        : microsecondsEach(measured, load.inFlight)
    },
  }
}

/** The bare means: for each kind of work its name and the process that performs it. */
export type Baselines = Readonly<Record<WorkKind, { readonly name: string; readonly probe: Probe }>>

/** Starts the baselines, hands them over, and stops them whatever happens. */
export async function withBaselines<T>(use: (baselines: Baselines) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const start = (program: string, ...args: string[]): Promise<Probe> =>
      Probe.start(new URL(`./baselines/${program}.js`, import.meta.url), args)
    const [local, remote, durable] = await Promise.all([
      start('awaited-method'),
      start('batched-socket'),
      start('lmdb-commits', folder),
    ])
    try {
      return await use({
        local: { name: 'a plain awaited method', probe: local },
        remote: { name: 'a bare batched msgpack loop', probe: remote },
        durable: { name: 'LMDB alone', probe: durable },
      })
    } finally {
      await Promise.all([local, remote, durable].map((probe) => probe.stop()))
    }
  })
}

/**
 * Hands over an empty folder inside the repository and removes it afterwards. Not the system's
 * folder for temporary files: that is often kept in memory, where syncing to disk costs nothing.
 */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const parent = fileURLToPath(new URL('../../../temp', import.meta.url))
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'bench-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
