/** The driver of Epic Server and the API that people program against. */
export { defineApp, isApp } from './model/app.ts'
export type {
  App,
  AppFiles,
  AppOptions,
  CheckedClasses,
  EntityClasses,
  NodeInfo,
} from './model/app.ts'
export { ClusterNode } from './cluster/cluster-node.ts'
export type { ClusterNodeOptions } from './cluster/cluster-node.ts'
export type { MoveOutcome } from './cluster/departures.ts'
export type { PartitionStore } from './cluster/routed-store.ts'
export { contract } from './model/contract.ts'
export type { Contract, ContractOptions } from './model/contract.ts'
export { Entity } from './model/entity.ts'
export type { EntityCall, Outcome } from './node/entity-call.ts'
export type { EntityClass, EntityLifecycle } from './model/entity.ts'
export type { EntityTimers, TimerSettings } from './node/entity-timers.ts'
export type { DeactivationReason } from '@epicserver/kernel'
export type { Balance } from './placement/balancer.ts'
export type { BalanceOptions } from './placement/balance-options.ts'
export { createLog, jsonLogSink, leveledSink, silentLog, textLogSink } from './log.ts'
export type { Log, LogFacts, LogLevel, LogSink } from './log.ts'
export { EntityNode } from './node/node.ts'
export type { NodeOptions } from './node/node.ts'
export type { NodeObserver } from './node/observer.ts'
export type {
  PeerChannel,
  PeerChannelEvents,
  PeerLane,
  PeerNetwork,
} from './cluster/peer-network.ts'
export type { InitialState, Pool, PoolIndex, PoolMethods } from './model/pool.ts'
export type { NodeClock, NodePorts, Pending, Router } from './node/ports.ts'
export { entityBehind, entityOf, idOf, isRef } from './model/ref.ts'
export type { AnyRef, OneWayName, OperationName, Ref } from './model/ref.ts'
export { settings } from './model/settings.ts'
export type {
  Durability,
  EntitySettings,
  FieldName,
  OperationSettings,
  Placement,
  Rate,
  Settings,
} from './model/settings.ts'
export { FolderFiles } from './syscalls/folder-files.ts'
export type { EntityFile, EntityFiles, FileSyscall, FileSystem } from './syscalls/files.ts'
export type { Explanation, Query, Row } from './queries/query.ts'
export type { Field, Fields, Order, Where } from './queries/query-expression.ts'
export { CompletionPort, Token } from './syscalls/syscalls.ts'
export type {
  Completion,
  FileStat,
  ResultOf,
  Submit,
  Syscall,
  SyscallResults,
} from './syscalls/syscalls.ts'
export { SoloRouter } from './node/solo-router.ts'
export { systemClock } from './node/system-clock.ts'
export type { Topic, TopicPublisher } from './topics/topic.ts'
export { TOPIC_TYPE } from './topics/topic-entity.ts'
export type { TopicCounts } from './topics/topics.ts'
export type { CatchUp, EntityTasks, TaskSettings } from './tasks/tasks.ts'
