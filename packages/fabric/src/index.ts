/** The cluster as pure state machines: leases, views, ownership of partitions. */
export { assignPartitions } from './assignment.ts'
export type { Assign, AssignOptions } from './assignment.ts'
export { ClusterMember, isPeerMessage } from './cluster-member.ts'
export type { Admission, Arrival, MemberPhase } from './cluster-member.ts'
export type {
  ClockReading,
  Effect,
  FenceReason,
  NodeId,
  PeerMessage,
  StoreEffect,
  StoreReply,
  Token,
  WatchReport,
} from './effects.ts'
export { leaseTtlProblem } from './lease.ts'
export { decodeMemberRecord, encodeMemberRecord } from './member-info.ts'
export type { MemberInfo, MemberState } from './member-info.ts'
export { recordKeys } from './mirror.ts'
export type { RecordKeys } from './mirror.ts'
export type { Mutation } from './mutation.ts'
export { planView } from './plan.ts'
export type { Plan, PlanOptions } from './plan.ts'
export type { MemberConfig, MemberOptions } from './timing.ts'
export { decodeView, encodeView, memberOf, partitionsOf } from './view.ts'
export type { DecodedView, View } from './view.ts'
