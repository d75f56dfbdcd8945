// The answering half of a probe: apart from the asking one (probe.ts), so that a process that is measured loads no more than it needs.

import assert from 'node:assert/strict'
import { type Load, type Measured } from './closed-loop.ts'

/** What a probe says to who has started it. */
export type ProbeAnswer =
  | { readonly ready: true }
  | { readonly measured: Measured }
  | { readonly error: string }

/** Answers a parent's questions until it stops asking. Ends the process when the parent is gone. */
export function serveProbe(measure: (load: Load) => Promise<Measured>): void {
  assert(process.send !== undefined, 'A probe is started by Probe.start, not by hand')
  process.on('disconnect', () => process.exit())
  process.on('message', (load: Load) => {
    measure(load).then(
      (measured) => answer({ measured }),
      (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
    )
  })
  answer({ ready: true })
}

function answer(message: ProbeAnswer): void {
  process.send?.(message)
}
