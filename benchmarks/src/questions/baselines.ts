// The bare means by themselves. Other benches measure them again, beside what they compare; this one
// says what the machine can do at all, and what a promise a call costs on a socket.

import { measureAlone, type BenchDefinition, type BenchOptions, type Row } from '../harness.ts'
import {
  contenderFor,
  durableIncrementOf1000,
  durableIncrementOfOne,
  localCall,
  oneRemoteCall,
  remoteCalls100,
  remoteCalls1000,
  withBaselines,
  type Baselines,
} from '../workloads.ts'

export const bench: BenchDefinition = {
  name: 'baselines',
  question: 'What can this machine do with nothing in between?',
  run: (options) => withBaselines((baselines) => measureBaselines(baselines, options)),
}

const remoteCalls = [oneRemoteCall, remoteCalls100, remoteCalls1000]
const awaited = [localCall, ...remoteCalls, durableIncrementOfOne, durableIncrementOf1000]

async function measureBaselines(baselines: Baselines, options: BenchOptions): Promise<Row[]> {
  const withoutPromises = remoteCalls.map((work) => ({
    ...work,
    name: `${work.name}, without promises`,
    load: { ...work.load, operation: 'callbacks' },
  }))
  const rows: Row[] = []
  for (const work of [...awaited, ...withoutPromises]) {
    const { name, probe } = baselines[work.kind]
    options.note(work.name)
    const contender = contenderFor(work, `${name}: ${work.name}`, probe, options)
    rows.push(await measureAlone(contender, work.unit, options))
  }
  return rows
}
