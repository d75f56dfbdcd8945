/**
 * When is the end of a tick? Compares the ways to find it, by calls a second and by CPU time a call.
 *
 *   node packages/net/dist-test/bench/flush.js [rounds]
 */
import { measureLoop } from './loop.ts'
import { ENDS_OF_TICK } from './loop-clock.ts'
import type { EndOfTick } from './loop-clock.ts'
import { median, medianWithSpread } from './statistics.ts'

const rounds = Number(process.argv[2] ?? 7)
const ends = Object.keys(ENDS_OF_TICK) as EndOfTick[]

for (const answersLater of [false, true]) {
  for (const inFlight of [1, 100]) {
    const rates = new Map<EndOfTick, number[]>(ends.map((end) => [end, []]))
    const cpu = new Map<EndOfTick, number[]>(ends.map((end) => [end, []]))
    for (let round = 0; round < rounds; round += 1) {
      for (const endOfTick of ends) {
        const result = await measureLoop('calls', { inFlight, endOfTick, answersLater })
        rates.get(endOfTick)?.push(result.callsPerSecond)
        cpu.get(endOfTick)?.push(result.cpuUs)
      }
    }
    for (const end of ends) {
      const when = answersLater ? 'answers later' : 'answers at once'
      console.log(
        `${inFlight} in flight, ${when}`.padEnd(32),
        end.padEnd(10),
        medianWithSpread(rates.get(end) ?? []).padEnd(32),
        `cpu ${median(cpu.get(end) ?? []).toFixed(2)} µs/call`,
      )
    }
  }
}
process.exit()
