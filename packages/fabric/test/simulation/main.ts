/**
 * Runs many seeds from the command line, and prints one JSON object.
 *
 * `node main.js [--seeds N] [--from S] [--mutation name] [--ms faulty-ms] [--trace yes]`
 */
import { simulate } from './world.ts'
import type { RunOptions } from './world.ts'

const args = new Map<string, string>()
for (let i = 2; i < process.argv.length; i += 2) {
  args.set(process.argv[i] ?? '', process.argv[i + 1] ?? '')
}
const seeds = Number(args.get('--seeds') ?? 100)
const from = Number(args.get('--from') ?? 1)
const mutation = args.get('--mutation') as RunOptions['mutation']
const faultyMs = Number(args.get('--ms') ?? 40_000)
const trace = args.has('--trace') ? { trace: (line: string): void => console.log(line) } : {}
const startedAt = performance.now()
const failed: unknown[] = []
const faults: Record<string, number> = {}
let virtualMs = 0
let events = 0
let answered = 0
let views = 0
let moves = 0
for (let seed = from; seed < from + seeds; seed += 1) {
  const result = simulate({
    seed,
    faultyMs,
    ...trace,
    ...(mutation === undefined ? {} : { mutation }),
  })
  virtualMs += result.virtualMs
  events += result.events
  answered += result.answered
  views += result.views
  moves += result.moves
  for (const [kind, count] of Object.entries(result.faults))
    faults[kind] = (faults[kind] ?? 0) + count
  if (result.violation !== undefined) {
    failed.push({ seed, ...result.violation })
    if (mutation !== undefined) break
  }
}
const realMs = Math.round(performance.now() - startedAt)
console.log(
  JSON.stringify({
    seeds,
    failed,
    virtualMs: Math.round(virtualMs),
    realMs,
    events,
    answered,
    views,
    moves,
    faults,
  }),
)
