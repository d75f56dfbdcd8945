/** The cluster as pure state machines: leases, views, ownership of partitions. */
export { assignPartitions } from './assignment.ts'
export type { Assign, AssignOptions } from './assignment.ts'
export { ClusterMember } from './cluster-member.ts'
export type { Admission, Arrival, MemberPhase } from './cluster-member.ts'
export type {
  ClockReading,
  Effect,
  EntityEffect,
  FenceReason,
  NodeId,
  StoreEffect,
  StoreReply,
  Token,
  WatchReport,
} from './effects.ts'
export { addLoads, DEFAULT_CAPACITY, loadScore, NO_LOAD, subtractLoad, WELL_SCORE } from './load.ts'
export type { Capacity, Load } from './load.ts'
export { LoadBoard } from './load-board.ts'
export { DEFAULT_LOCALITY, planLocality } from './locality.ts'
export type { LocalityInput, LocalityOptions, Talk } from './locality.ts'
export type { Movable, PlannedMove } from './move-unit.ts'
export { leaseTtlProblem } from './lease.ts'
export { decodeMemberRecord, encodeMemberRecord } from './member-info.ts'
export type { MemberInfo, MemberState } from './member-info.ts'
export { recordKeys } from './mirror.ts'
export type { RecordKeys } from './mirror.ts'
export type { MoveFailure } from './movement.ts'
export type { Mutation } from './mutation.ts'
export { packReports, unpackReports } from './packed-reports.ts'
export { isPeerMessage } from './peer-message.ts'
export type {
  EntityKey,
  EntityMessage,
  LiveReport,
  LoadMessage,
  PeerMessage,
  ViewMessage,
} from './peer-message.ts'
export { choosePlace } from './placement.ts'
export type { PlacementPolicy, PlacementRequest, Surroundings } from './placement.ts'
export { planView } from './plan.ts'
export type { Plan, PlanOptions } from './plan.ts'
export { DEFAULT_REBALANCE, planRebalance } from './rebalance.ts'
export type { RebalanceInput, RebalanceOptions } from './rebalance.ts'
export { Residents } from './residents.ts'
export type { Route } from './residents.ts'
export type { Place, Resident } from './standing.ts'
export type { MemberConfig, MemberOptions } from './timing.ts'
export { decodeView, encodeView, memberOf, partitionsOf } from './view.ts'
export type { DecodedView, View } from './view.ts'
