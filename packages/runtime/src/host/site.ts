/** Where a machine's nodes find the cluster's truth: the data folder of this machine, or an engine that many machines share. */
import type { ClusterStoreLimits, EpicError } from '@epicserver/contracts'
import type { EngineHealth } from './cluster/engine-watch.ts'
import type { Membership } from './members.ts'
import type { RefusalCounts } from './refusal-counts.ts'
import type { NodeProcessConfig } from './supervisor-messages.ts'

/** What a supervisor hears from it. */
export interface SiteEvents {
  /** The supervisor's own part of the cluster store broke. */
  readonly onLost: (error: EpicError) => void
  /**
   * This node's lease has ended. Told where others may wait for what a frozen node holds: the shards of a data folder; beyond one
   * machine there is nothing of that kind.
   */
  readonly onLeaseEnd: (nodeId: string) => void
}

/** What a supervisor does with it. */
export interface Site {
  /** More nodes than this would have nothing to do here. */
  readonly nodesMax: number
  /** Makes ready for nodes, and says what the cluster store can do. */
  begin(events: SiteEvents): Promise<ClusterStoreLimits>
  /** The process that held this lease is dead for certain. */
  attestDeath(nodeId: string): Promise<void>
  /** The processes of this machine that listened on these sockets are dead for certain. */
  attestDeathsAt(sockets: ReadonlySet<string>): Promise<void>
  /** What a node needs to find it. */
  configFor(slot: number): Pick<NodeProcessConfig, 'authority' | 'cluster'>
  /** Has new connections between machines use these keys; where machines are alone there are none. @throws EpicError `SettingsInvalid` */
  replaceKeys?(keys: readonly string[]): Promise<void>
  /** The cluster as its store shows it; without members when the store cannot be reached. */
  status(): Promise<SiteStatus>
  close(): Promise<void>
}

/** What a supervisor knows of the cluster. */
export interface SiteStatus {
  /** Its name; a machine alone has none. */
  readonly cluster?: string
  /** Of which engine, and how it is. */
  readonly engine: { readonly address: string } & EngineHealth
  readonly membership?: Membership
  /** Those who asked this machine where the cluster is and were not let in; a machine alone asks nobody. */
  readonly desk?: { readonly address: string; readonly refused: RefusalCounts }
}
