/** Where a machine's nodes find the cluster's truth: the data folder of this machine, or an engine that many machines share. */
import type { ClusterStoreLimits, EpicError } from '@epicserver/contracts'
import type { NodeProcessConfig } from './supervisor-messages.ts'

/** What a supervisor does with it. */
export interface Site {
  /** More nodes than this would have nothing to do here. */
  readonly nodesMax: number
  /** Makes ready for nodes, and says what the cluster store can do. `onLost` comes if the supervisor's own part breaks. */
  begin(onLost: (error: EpicError) => void): Promise<ClusterStoreLimits>
  /** The process that held this lease is dead for certain. */
  attestDeath(nodeId: string): Promise<void>
  /** The processes of this machine that listened on these sockets are dead for certain. */
  attestDeathsAt(sockets: ReadonlySet<string>): Promise<void>
  /** What a node needs to find it. */
  configFor(slot: number): Pick<NodeProcessConfig, 'authority' | 'cluster'>
  close(): Promise<void>
}
