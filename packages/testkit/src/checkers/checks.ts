/**
 * The promises that `world.check` knows. Most are watched all the time; asking raises what was found. Three let time go on to find
 * out: whether every call is answered, whether every id answers, and whether nothing stays behind.
 */
import { formatEntityId, type EntityId } from '@epicserver/contracts'
import { callThrough } from '../client.ts'
import { ANSWER_SLACK_MS, CHANNEL_PATIENCE_MS, CONVERGENCE_MS } from '../limits.ts'
import type { SimulatedProcess } from '../simulated-process.ts'
import type { Simulation } from '../simulation.ts'
import { Violation } from '../violation.ts'
import { World, type Check } from '../world.ts'

/** I1: an entity executes in one place at a time. */
export const singleActivation: Check = (world) => raise(world, 'singleActivation')

/** I8: a node stops by its own clock before the engine ends its lease. */
export const leaseKept: Check = (world) => raise(world, 'leaseKept')

/** I9: calls of a pair run in the order in which they were made, none twice. */
export const orderPerPair: Check = (world) => raise(world, 'orderPerPair')

/** I3: what was said to be durable is there, and nothing leaves an entity before it is. */
export const nothingAcknowledgedLost: Check = (world) => {
  raise(world, 'nothingAcknowledgedLost')
  const simulation = World.inside(world)
  for (const { entity, version } of simulation.durability.acknowledged.values()) {
    const stored = simulation.disk.read(entity)?.version ?? 0n
    if (stored >= version) continue
    throw violation(
      simulation,
      'nothingAcknowledgedLost',
      `${formatEntityId(entity)} is stored at version ${stored}; version ${version} was acknowledged`,
    )
  }
}

/** Every call that somebody awaits has an outcome by its deadline: done, failed or unknown. */
export const everyCallAnswered: Check = async (world) => {
  const simulation = World.inside(world)
  const open = simulation.openCalls.calls()
  for (const [process, call] of open) {
    while (
      !call.settled &&
      process.isAlive &&
      simulation.processes.includes(process as SimulatedProcess)
    ) {
      if (process.canServe && process.nowMs > call.deadlineAt + ANSWER_SLACK_MS) {
        const late = (process.nowMs - call.deadlineAt).toFixed(0)
        throw violation(
          simulation,
          'everyCallAnswered',
          `${call.ref.toString()}.${call.operation.name} of ${process.name} has no outcome ${late} ms after its deadline`,
        )
      }
      await world.run({ ms: 100 })
    }
  }
}

/** I12: within 30 s after the last fault every partition is served, and every id that ever lived answers. */
export const converges: Check = async (world) => {
  const simulation = World.inside(world)
  world.heal()
  const until = world.now + CONVERGENCE_MS
  await world.run({ ms: CHANNEL_PATIENCE_MS[1] })
  while (world.now < until && simulation.unserved() !== undefined) await world.run({ ms: 100 })
  const unserved = simulation.unserved()
  if (unserved !== undefined) {
    throw violation(
      simulation,
      'converges',
      `partition ${unserved} is served by nobody 30 s after the last fault`,
    )
  }
  await Promise.all(simulation.ranEntities().map((entity) => probe(simulation, entity, until)))
}

/** Makes real calls until one is answered: tables that look right have fooled better checkers. */
async function probe(simulation: Simulation, { type, id }: EntityId, until: number): Promise<void> {
  for (;;) {
    const outcome = await callThrough(simulation, async ({ node }) => node?.ping(type, id))
    if (outcome.kind === 'done') return
    if (simulation.time.now < until) continue
    const { message } = outcome.error as Error
    throw violation(simulation, 'converges', `${type}/${id} does not answer: ${message}`)
  }
}

/** When all is quiet, nothing stays behind on any node: no call, no lock, no place kept for an answer. */
export const noLeak: Check = async (world) => {
  const simulation = World.inside(world)
  await everyCallAnswered(world)
  for (const process of simulation.servers) {
    let leak = leakOf(process)
    // Tasks and timers go on: what one of them needs for a moment is no leak.
    for (let i = 0; i < QUIET_LOOKS && leak !== undefined; i += 1) {
      await world.run({ ms: QUIET_MS })
      leak = process.isAlive ? leakOf(process) : undefined
    }
    if (leak !== undefined) throw violation(simulation, 'noLeak', `${process.name} keeps ${leak}`)
  }
}

/** How often, and how far apart, a node is looked at until it was quiet once. */
const QUIET_LOOKS = 40
const QUIET_MS = 53

function leakOf(process: SimulatedProcess): string | undefined {
  const { node, cluster } = process
  if (node === undefined) return undefined
  node.kernel.assertInvariants()
  const { queued, pendingCalls, waitingForLocks } = node.kernel.counts
  const kept = { queued, pendingCalls, waitingForLocks, ...cluster.counts }
  for (const type of node.kernel.types.values()) {
    for (const activation of type.activations.values()) {
      if (
        activation.running === 0 &&
        activation.accepted === 0 &&
        (activation.gate?.size ?? 0) === 0
      )
        continue
      return `${activation.accepted} calls at ${type.plan.name}/${activation.id}, which is ${activation.state}`
    }
  }
  const found = Object.entries(kept).find(([, count]) => count > 0)
  return found === undefined ? undefined : `${found[1]} ${found[0]}`
}

function raise(world: World, rule: string): void {
  const found = World.inside(world).violations.find((each) => each.rule === rule)
  if (found !== undefined) throw found
}

function violation(simulation: Simulation, rule: string, message: string): Violation {
  return new Violation(rule, message, simulation.time.now)
}
