// A fixed number of callers, each waiting for its answer before it calls again.

/** What a measuring process is asked to do. */
export interface Load {
  /** What to do, where a process can do more than one thing. */
  readonly operation: string
  /** Calls that wait for their answer at any moment. */
  readonly inFlight: number
  /** Entities among which the calls are spread. */
  readonly targets: number
  readonly durationMs: number
}

export interface Measured {
  readonly operations: number
  readonly elapsedMs: number
}

/** Performs one call to one of the targets and resolves when its answer is there. */
export type Call = (target: number) => Promise<unknown>

/**
 * Keeps `inFlight` calls under way for `durationMs` and counts those that were answered.
 *
 * A caller starts at the target of its own number and steps by the number of callers, so that with
 * as many callers as targets each keeps to one, and with fewer they walk over all.
 */
export async function runClosedLoop(call: Call, load: Load): Promise<Measured> {
  const { inFlight, targets } = load
  const startedAt = performance.now()
  const endAt = startedAt + load.durationMs
  let operations = 0
  let running = true

  const runCaller = async (caller: number): Promise<void> => {
    let target = caller % targets
    while (running) {
      await call(target)
      target = (target + inFlight) % targets
      operations += 1
      // Calls that never leave the microtask queue starve the timer; a look at the clock now and
      // then costs them nothing.
      if ((operations & 1023) === 0 && performance.now() >= endAt) running = false
    }
  }

  const timer = setTimeout(() => {
    running = false
  }, load.durationMs)
  try {
    await Promise.all(Array.from({ length: inFlight }, (_, caller) => runCaller(caller)))
  } finally {
    running = false
    clearTimeout(timer)
  }
  return { operations, elapsedMs: performance.now() - startedAt }
}

export function perSecond({ operations, elapsedMs }: Measured): number {
  return (operations / elapsedMs) * 1000
}

/** How long one call takes on average, where `inFlight` of them overlap. */
export function microsecondsEach({ operations, elapsedMs }: Measured, inFlight: number): number {
  return (elapsedMs * 1000 * inFlight) / operations
}
