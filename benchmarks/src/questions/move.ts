/**
 * For how long does an entity take no calls when it moves, and is anything lost?
 *
 * Three node processes, entities that are called without a pause, and a stream of moves among them. Ten thousand moves; a million with
 * `--long`. There is no baseline: nobody publishes one.
 */

import { join } from 'node:path'
import { median, type BenchDefinition, type BenchOptions, type Row } from '../harness.ts'
import { MovingApp, quantile, type Kind, type Seen } from '../epic/moving-app-client.ts'
import { withFolder } from '../workloads.ts'

const processes = 3
const entities = 64
const atOnce = 8

interface Moved {
  readonly pausesMs: readonly number[]
  readonly stayed: number
  readonly tookMs: number
}

export const bench: BenchDefinition = {
  name: 'move',
  question:
    'For how long does an entity that moves under load take no calls, and is anything lost?',
  run: (options) =>
    withFolder(async (folder) => {
      const app = await MovingApp.start({ data: join(folder, 'data'), processes, shards: 6 })
      try {
        return [
          ...(await measure(app, { kind: 'Ghost', what: 'in memory', options })),
          ...(await measure(app, { kind: 'Walker', what: 'saved', options })),
        ]
      } finally {
        await app.stop()
      }
    }),
}

async function measure(
  app: MovingApp,
  { kind, what, options }: { kind: Kind; what: string; options: BenchOptions },
): Promise<Row[]> {
  const moves = movesFor(options)
  options.note(`${moves.toLocaleString('en')} moves of entities ${what}`)
  await app.make(kind, entities)
  const rounds: { readonly moved: Moved; readonly seen: Seen }[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    const moving = move(app, kind, Math.ceil(moves / options.rounds))
    const seen = await app.driveWhile(moving)
    rounds.push({ moved: await moving, seen })
  }
  const lost = await app.lost()
  const row = (name: string, unit: string, values: readonly number[]): Row => ({
    case: `${name}, entities ${what}`,
    value: median(values),
    unit,
    baseline: null,
    ratio: null,
    against: null,
    spread: { min: Math.min(...values), max: Math.max(...values) },
    baselineSpread: null,
  })
  const of = (pick: (round: (typeof rounds)[number]) => number): number[] => rounds.map(pick)
  return [
    row(
      'pause of a move, p50',
      'ms',
      of(({ moved }) => quantile(moved.pausesMs, 0.5)),
    ),
    row(
      'pause of a move, p99',
      'ms',
      of(({ moved }) => quantile(moved.pausesMs, 0.99)),
    ),
    row(
      'moves',
      'moves/s',
      of(({ moved }) => (1_000 * moved.pausesMs.length) / moved.tookMs),
    ),
    row(
      'moves given up',
      'moves',
      of(({ moved }) => moved.stayed),
    ),
    row(
      'call meanwhile, p99',
      'ms',
      of(({ seen }) => seen.p99Ms),
    ),
    row(
      'calls that failed',
      'calls',
      of(({ seen }) => seen.failed),
    ),
    row('calls lost or doubled', 'calls', [lost]),
  ]
}

function movesFor({ durationMs, isLong }: BenchOptions): number {
  if (isLong === true) return 1_000_000
  return durationMs < 1_000 ? 600 : 10_000
}

/** Moves entities about, each to the node after the one where it is, some at a time. */
async function move(app: MovingApp, kind: Kind, moves: number): Promise<Moved> {
  const nodes = await app.nodes()
  const places = new Map<string, number>()
  const pausesMs: number[] = []
  let [begun, stayed] = [0, 0]
  const startedAt = performance.now()
  const mover = async (first: number): Promise<void> => {
    for (let turn = 0; begun < moves; turn += 1) {
      const id = String((first + turn * atOnce) % entities)
      const place = ((places.get(id) ?? 0) + 1) % nodes.length
      places.set(id, place)
      const to = nodes[place] as string
      const outcome = (await app.ask({ ask: 'move', type: kind, id, to })) as {
        readonly status: string
        readonly pauseMs: number
      }
      // Where it lives is found out by its first move: that may ask for what is so already.
      if (outcome.pauseMs === 0 && outcome.status === 'moved') continue
      begun += 1
      if (outcome.status === 'moved') pausesMs.push(outcome.pauseMs)
      else stayed += 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, first) => mover(first)))
  return {
    pausesMs: pausesMs.toSorted((a, b) => a - b),
    stayed,
    tookMs: performance.now() - startedAt,
  }
}
