/** The driver of Epic Server and the API that people program against. */
export { defineApp, isApp } from './app.ts'
export type { App, AppFiles, AppOptions, CheckedClasses, EntityClasses, NodeInfo } from './app.ts'
export { ClusterNode } from './cluster-node.ts'
export type { ClusterNodeOptions, PartitionStore } from './cluster-node.ts'
export { contract } from './contract.ts'
export type { Contract, ContractOptions } from './contract.ts'
export { Entity } from './entity.ts'
export type { EntityCall, Outcome } from './entity-call.ts'
export type { EntityClass, EntityLifecycle } from './entity.ts'
export type { EntityTimers, TimerSettings } from './entity-timers.ts'
export { createLog, jsonLogSink, leveledSink, silentLog, textLogSink } from './log.ts'
export type { Log, LogFacts, LogLevel, LogSink } from './log.ts'
export { EntityNode } from './node.ts'
export type { NodeOptions } from './node.ts'
export type { NodeObserver } from './observer.ts'
export type { PeerChannel, PeerChannelEvents, PeerLane, PeerNetwork } from './peer-network.ts'
export type { InitialState, Pool, PoolIndex, PoolMethods } from './pool.ts'
export type { NodeClock, NodePorts, Pending, Router } from './ports.ts'
export { entityOf, idOf, isRef } from './ref.ts'
export type { AnyRef, OneWayName, OperationName, Ref } from './ref.ts'
export { settings } from './settings.ts'
export type {
  Durability,
  EntitySettings,
  FieldName,
  OperationSettings,
  Placement,
  Rate,
  Settings,
} from './settings.ts'
export { FolderFiles } from './folder-files.ts'
export type { EntityFile, EntityFiles, FileSyscall, FileSystem } from './files.ts'
export type { Explanation, Query, Row } from './query.ts'
export { Field, Where } from './query-expression.ts'
export type { Fields, Order } from './query-expression.ts'
export { CompletionPort, Token } from './syscalls.ts'
export type { Completion, FileStat, ResultOf, Submit, Syscall, SyscallResults } from './syscalls.ts'
export { SoloRouter } from './solo-router.ts'
export { systemClock } from './system-clock.ts'
export type { CatchUp, EntityTasks, TaskSettings } from './tasks.ts'
