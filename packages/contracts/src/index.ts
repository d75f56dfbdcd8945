/** Ids, errors, and the ports that a provider implements: what every other package may rely on. */
export { entityIdProblem, formatEntityId, isTypeName, parseEntityId } from './entity-id.ts'
export type { EntityId } from './entity-id.ts'
export { formatEpoch, makeEpoch, partitionEpochOf } from './epoch.ts'
export { EpicError, ERROR_CODES, isEpicError, isErrorCode, remedyFor } from './epic-error.ts'
export type {
  EpicErrorOptions,
  ErrorCode,
  ErrorCodeEntry,
  ErrorDetails,
  Retry,
} from './epic-error.ts'
export {
  CLUSTER_KEY_BYTES_MAX,
  ENTITY_ID_UNITS_MAX,
  INDEX_ENTRIES_MAX,
  INDEX_KEY_BYTES_MAX,
  KEY_UNITS_MAX,
  LEASE_TTL_MS_MAX,
  MESSAGE_BYTES_MAX,
  PARTITIONS,
  STATE_BYTES_MAX,
  TASK_BODY_BYTES_MAX,
  TYPE_NAME_UNITS_MAX,
} from './limits.ts'
export {
  checkClusterKey,
  checkClusterPrefix,
  checkLeaseTtl,
  checkTxn,
  clusterKeyProblem,
} from './cluster-request.ts'
export { partitionOf } from './partition.ts'
export {
  checkDueQuery,
  checkEntityId,
  checkGuard,
  checkIndexEntries,
  checkIndexName,
  checkIndexStatus,
  checkScan,
  checkWrite,
} from './state-request.ts'
export type {
  Claimed,
  DueQuery,
  Guard,
  IndexEntry,
  IndexStatus,
  Scan,
  ScanPage,
  ScanRow,
  StateStore,
  StoredRecord,
  Task,
  TaskChange,
  Write,
  WriteRequest,
} from './state-store.ts'
export type {
  ClusterStore,
  ClusterStoreLimits,
  Cmp,
  LeaseId,
  Op,
  Rec,
  Rev,
  Txn,
  TxnResult,
  WatchEvent,
} from './cluster-store.ts'
