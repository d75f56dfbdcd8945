/** A client outside the cluster: it calls through a node that serves, and the call ends with that node's process at the latest. */
import { EpicError } from '@epicserver/contracts'
import { failedOutcome, type ClientOutcome } from './client-outcome.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { Simulation } from './simulation.ts'

/** How long a client that finds no node waits before it looks again. */
const RETRY_MS = 20

/** Calls through a node: that of the given host, or any. */
export async function callThrough<T>(
  simulation: Simulation,
  use: (process: SimulatedProcess) => Promise<T>,
  host?: string,
): Promise<ClientOutcome<T>> {
  const { loop, time } = simulation
  for (;;) {
    const process = serverOf(simulation, host)
    if (process !== undefined) return loop.runUntilSettled(callOn(simulation, process, use))
    await loop.runUntil(time.now + RETRY_MS)
  }
}

function serverOf(simulation: Simulation, host: string | undefined): SimulatedProcess | undefined {
  const { servers, random } = simulation
  if (host !== undefined) return servers.find((process) => process.host === host)
  return servers.length === 0 ? undefined : random.pick(servers)
}

function callOn<T>(
  { onProcessEnd }: Simulation,
  process: SimulatedProcess,
  use: (process: SimulatedProcess) => Promise<T>,
): Promise<ClientOutcome<T>> {
  return new Promise((resolve) => {
    const handleEnd = (ended: SimulatedProcess): void => {
      if (ended === process) settle({ kind: 'unknown', error: processLost(process) })
    }
    const settle = (outcome: ClientOutcome<T>): void => {
      onProcessEnd.delete(handleEnd)
      resolve(outcome)
    }
    onProcessEnd.add(handleEnd)
    process
      .run(() => use(process))
      .then(
        (value) => settle({ kind: 'done', value }),
        (error: unknown) => settle(failedOutcome(error)),
      )
  })
}

function processLost({ name }: SimulatedProcess): EpicError {
  return new EpicError('NodeLost', `Cannot know what became of the call: ${name} has ended`)
}
