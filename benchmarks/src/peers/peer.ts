// What every system has in common that we compare with.

import { type Measurable, type WorkKind } from '../workloads.ts'

export interface Peer {
  readonly name: string
  /** Whether it is one of the packages in `benchmarks/peers`, which are installed when first asked for. */
  readonly isFromNpm?: boolean
  /**
   * Starts it with an empty folder for its data.
   *
   * @throws Error that says why it is not available here.
   */
  start(folder: string): Promise<RunningPeer>
}

export interface RunningPeer {
  /** Its name with the version that runs. */
  readonly name: string
  /** What of the work it can do; a kind that it does not have is left out. */
  readonly can: Readonly<Partial<Record<WorkKind, Measurable>>>
  stop(): Promise<void>
}
