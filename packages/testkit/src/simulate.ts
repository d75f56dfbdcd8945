/**
 * A whole cluster in one process: its network, disks, clocks and crashes, from one seed, in virtual time.
 */
import type { MemberOptions } from '@epicserver/fabric'
import type { App, BalanceOptions, EntityClasses, Pool } from '@epicserver/runtime'
import { callThrough } from './client.ts'
import { controlGlobals } from './controlled-globals.ts'
import { drawFaults, type FaultProfile } from './faults.ts'
import { FAILURE_LINES, START_MS_MAX } from './limits.ts'
import { Simulation, type SimulationMutation } from './simulation.ts'
import { World } from './world.ts'

/** What is simulated. */
export interface SimulateOptions<C extends EntityClasses> {
  readonly app: App<C>
  /** How many hosts, `n1` to `nN`; each runs one node. */
  readonly nodes: number
  /** Everything that happens follows from it. */
  readonly seed: number
  /** Faults at random from the beginning of the test: `'drawn'` from the seed, or a mixture of your own. None without it. */
  readonly faults?: 'drawn' | FaultProfile
  /** The lease of a node: how long a frozen one keeps its entities. */
  readonly ttlMs?: number
  readonly member?: Partial<MemberOptions>
  /** How eagerly nodes move entities to where they have less to do, and to those with whom they talk. */
  readonly balance?: BalanceOptions
  /** Rules whose breach is only noted, for `world.check` to find; otherwise a breach ends the run at once. */
  readonly tolerate?: readonly string[]
  /** What to break, to prove that a checker notices. */
  readonly mutations?: readonly SimulationMutation[]
  /** Gets each line of the trace at once. */
  readonly print?: (line: string) => void
  /**
   * Whether it is kept what happens, true by default. A run without a trace takes a fifth less time; it has no hash, and its failure
   * says what broke, and not how: run that seed again.
   */
  readonly isTraced?: boolean
  /** The command that replays this run; a failure prints it. */
  readonly replay?: string
}

/** What a simulation that ended well tells. */
export interface SimulationResult {
  readonly seed: number
  readonly virtualMs: number
  readonly realMs: number
  readonly events: number
  /** Equal for equal runs. */
  readonly traceHash: string
  /** How often which fault occurred. */
  readonly faults: Readonly<Record<string, number>>
}

/** A simulation in which something was broken; its message holds the end of the trace and how to replay it. */
export class SimulationFailed extends Error {
  readonly seed: number
  readonly traceHash: string
  readonly virtualMs: number
  readonly faults: Readonly<Record<string, number>>

  constructor(simulation: Simulation, cause: unknown, replay: string) {
    const lines = simulation.trace.lines(FAILURE_LINES).join('\n')
    const what =
      cause instanceof Error
        ? `${cause.name === 'Error' ? '' : `${cause.name}: `}${cause.message}`
        : String(cause)
    super(
      `${what}\n\nThe last of ${simulation.trace.size} entries:\n${lines}\n\nReplay: ${replay}`,
      { cause },
    )
    this.name = 'SimulationFailed'
    this.seed = simulation.seed
    this.traceHash = simulation.trace.hash
    this.virtualMs = simulation.time.now
    this.faults = simulation.faults.counts
  }
}

/** One after the other: they share the globals that they control. */
let before: Promise<unknown> = Promise.resolve()

/**
 * Simulates a cluster that runs an app, and a test of it.
 * @throws SimulationFailed where a promise is broken, or the test throws
 * @example
 * await simulate({ app, nodes: 5, seed: 42 }, async (world) => {
 *   world.partition(['n1', 'n2'], ['n3', 'n4', 'n5'])
 *   world.crash('n4')
 *   await world.run({ minutes: 10 })
 *   await world.check(singleActivation, nothingAcknowledgedLost, everyCallAnswered, converges)
 * })
 */
export function simulate<C extends EntityClasses>(
  options: SimulateOptions<C>,
  test: (world: World<C>) => void | Promise<void>,
): Promise<SimulationResult> {
  const run = before.then(() => runOne(options, test))
  before = run.catch(() => undefined)
  return run
}

async function runOne<C extends EntityClasses>(
  options: SimulateOptions<C>,
  test: (world: World<C>) => void | Promise<void>,
): Promise<SimulationResult> {
  const startedAt = performance.now()
  const simulation = new Simulation({
    ...options,
    app: options.app as unknown as App,
    mutations: new Set(options.mutations),
  })
  const world = new World<C>(simulation)
  const restore = [controlGlobals(() => simulation.globals), catchStrays(simulation)]
  try {
    await startAll(simulation)
    if (options.faults !== undefined) {
      world.storm(
        options.faults === 'drawn' ? drawFaults(simulation.random.fork()) : options.faults,
      )
    }
    await test(world)
    await world.settleChecks()
  } catch (error) {
    const replay = options.replay ?? `simulate({ …, seed: ${options.seed} }, …)`
    throw new SimulationFailed(simulation, simulation.violations[0] ?? error, replay)
  } finally {
    simulation.end()
    for (const each of restore) each()
  }
  return {
    seed: options.seed,
    virtualMs: simulation.time.now,
    realMs: performance.now() - startedAt,
    events: simulation.time.steps,
    traceHash: simulation.trace.hash,
    faults: simulation.faults.counts,
  }
}

/** Starts the cluster and runs the app's `setup`, before anything goes wrong. */
async function startAll(simulation: Simulation): Promise<void> {
  const { hosts, loop, time, app, random } = simulation
  for (const host of hosts) time.after(random.between(0, 50), () => host.start())
  do {
    if (time.now > START_MS_MAX) throw new Error('The cluster does not come to serve everything')
    await loop.runUntil(time.now + 50)
  } while (simulation.servers.length < hosts.length || simulation.unserved() !== undefined)
  if (app.setup === undefined) return
  const outcome = await callThrough(simulation, async ({ node }) =>
    app.setup?.(node?.pool as unknown as Pool),
  )
  if (outcome.kind !== 'done') throw outcome.error
}

/** A rejected promise that nobody awaits is a mistake, of the app or of the server, and a run that shows it has failed. */
function catchStrays(simulation: Simulation): () => void {
  const others = process.listeners('unhandledRejection')
  const handle = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error)
    simulation.report('strayRejection', `a promise was rejected and nobody awaits it: ${message}`)
  }
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', handle)
  return () => {
    process.removeListener('unhandledRejection', handle)
    for (const other of others) process.on('unhandledRejection', other)
  }
}
