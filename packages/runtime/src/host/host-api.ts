/** Running an app on a machine: the supervisor, its node processes, and asking them things. */
export type { MoveOutcome } from '../cluster/departures.ts'
export type { ChangeReport, DrainReport } from '../cluster/operators.ts'
export type { EntityLine, EntityView } from './control-answers.ts'
export { endAtOnce } from './end-at-once.ts'
export { askControl, ControlClient } from './control-client.ts'
export {
  CLUSTER_LEASE_MS,
  DEFAULT_LISTEN,
  type ClusterSettings,
} from './cluster/cluster-settings.ts'
export { hasPassword } from './cluster/engine-address.ts'
export type { ClusterPlace } from './cluster/desk.ts'
export { findCluster } from './cluster/find-cluster.ts'
export { machineRoute, unixRoute } from './cluster/node-routes.ts'
export type { NodeRoute, SharedSecrets } from './cluster/node-routes.ts'
export { createClusterKey } from '@epicserver/net'
export { nodeEnvironment } from './node-environment.ts'
export { SocketNetwork } from './socket-network.ts'
export type { SocketNetworkOptions } from './socket-network.ts'
export { runFolderFor } from './run-folder.ts'
export type { MemberLine, Membership } from './members.ts'
export type { NodeFigures, NodeStatements, RefusalCounts } from './node-figures.ts'
export type { SiteStatus } from './site.ts'
export type { ClusterStatus } from './supervisor.ts'
export { Supervisor } from './supervisor.ts'
export type { SupervisorOptions } from './supervisor.ts'
export type { ControlAnswer, ControlRequest } from './supervisor-messages.ts'
