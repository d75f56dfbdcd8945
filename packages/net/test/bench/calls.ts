/**
 * How much of the bare loop is left when lanes, credits, limits and checks are added.
 *
 *   node packages/net/dist-test/bench/calls.js [rounds]
 *
 * Rounds alternate between the loops, so that whatever else runs on the machine hits all of them.
 */
import { cpus } from 'node:os'
import { measureLoop } from './loop.ts'
import type { LoopName } from './loop.ts'
import { median, medianWithSpread } from './statistics.ts'

const rounds = Number(process.argv[2] ?? 7)
const loops: readonly LoopName[] = ['bare', 'calls', 'msgpack']

for (const inFlight of [1, 100, 1000]) {
  const rates = new Map<LoopName, number[]>(loops.map((loop) => [loop, []]))
  const cpu = new Map<LoopName, number[]>(loops.map((loop) => [loop, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const loop of loops) {
      const result = await measureLoop(loop, { inFlight })
      rates.get(loop)?.push(result.callsPerSecond)
      cpu.get(loop)?.push(result.cpuUs)
    }
  }
  const bare = median(rates.get('bare') ?? [])
  for (const loop of loops) {
    const all = rates.get(loop) ?? []
    const rate = median(all)
    console.log(
      [
        `${inFlight} in flight`.padEnd(16),
        loop.padEnd(8),
        `${medianWithSpread(all)} calls/s`.padEnd(44),
        `ratio ${(rate / bare).toFixed(2)}`,
        `cpu ${median(cpu.get(loop) ?? []).toFixed(2)} µs/call`,
        inFlight === 1 ? `${(1e6 / rate).toFixed(1)} µs each` : '',
      ].join(' '),
    )
  }
}
console.log(`node ${process.version}, ${cpus().length} CPUs, ${rounds} rounds of 1 s, medians`)
process.exit()
