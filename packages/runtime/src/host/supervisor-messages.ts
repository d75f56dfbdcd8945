/** What a supervisor and its node processes say to each other, over the channel that Node gives a parent and its child. */
import type { ErrorCode, Retry } from '@epicserver/contracts'
import type { LogLevel } from '../log.ts'
import type { ClusterNodeConfig } from './cluster/cluster-settings.ts'
import type { CallNumber } from '@epicserver/kernel'
import type { Change } from '../cluster/operators.ts'

/** All that a node process needs to start. */
export interface NodeProcessConfig {
  readonly appFile: string
  readonly dataFolder: string
  /** Where sockets lie. */
  readonly runFolder: string
  /** The socket of the machine's own cluster store; in a cluster of many machines there is none. */
  readonly authority?: string
  readonly cluster?: ClusterNodeConfig
  readonly slot: number
  /** How many nodes the machine starts. */
  readonly processes: number
  readonly leaseMs: number
  /** What this machine carries. */
  readonly labels: readonly string[]
  readonly balanceMs?: number
  readonly mode: 'development' | 'production'
  readonly log: 'text' | 'json'
  readonly logLevel: LogLevel
  readonly clusterKey: string
}

/** What an operating error looks like between processes. */
export interface PlainError {
  readonly name: string
  readonly message: string
  /** Of an error of Epic Server, as are the next two. */
  readonly code?: ErrorCode
  readonly retry?: Retry
  readonly remedy?: string
}

export type ToNode =
  | { readonly kind: 'start'; readonly config: NodeProcessConfig }
  | { readonly kind: 'stop' }
  | { readonly kind: 'drain' }
  /** The cluster keys that count from now on. */
  | { readonly kind: 'keys'; readonly keys: readonly string[] }
  | { readonly kind: 'ask'; readonly id: number; readonly request: ControlRequest }

export type FromNode =
  /** It has a lease: from now on it may own partitions, and its death is to be attested. */
  | { readonly kind: 'leased'; readonly nodeId: string }
  | { readonly kind: 'serving' }
  /** The app's `setup` has run, here or elsewhere. */
  | { readonly kind: 'setupDone' }
  /** The app's `setup` threw here. */
  | { readonly kind: 'setupFailed'; readonly error: PlainError }
  /** It cannot start, and ends. */
  | { readonly kind: 'failed'; readonly error: PlainError }
  | { readonly kind: 'beat' }
  /** The last that it says: what its exit code would be, if it did not end at once. */
  | { readonly kind: 'ends'; readonly code: number }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: ControlAnswer }

/** What the command line asks of running nodes. */
export type ControlRequest =
  | {
      readonly ask: 'call'
      readonly type: string
      readonly id: string
      readonly operation: string
      readonly args: readonly unknown[]
      readonly number?: CallNumber
    }
  | { readonly ask: 'ps'; readonly limit: number; readonly type?: string }
  /** `everywhere`: the node asks all others as well. */
  | {
      readonly ask: 'inspect'
      readonly type: string
      readonly id: string
      readonly everywhere?: boolean
    }
  | { readonly ask: 'status' }
  /** `to` is a node's id, or the beginning of it. */
  | { readonly ask: 'move'; readonly type: string; readonly id: string; readonly to: string }
  /** `then`: whether the node starts anew when it is drained, stays as it is, or stops draining instead. */
  | { readonly ask: 'drain'; readonly node: string; readonly then: 'stay' | 'restart' | 'cancel' }
  | { readonly ask: 'plan'; readonly change?: Change | undefined }
  | {
      readonly ask: 'replace'
      readonly type: string
      readonly id: string
      readonly appVersion: string
    }
  /** The cluster as its store shows it, with what every node says of itself. */
  | { readonly ask: 'cluster' }
  /** The cluster key is read again from where it was read at the start. */
  | { readonly ask: 'readKeys' }
  /** What every node says of itself, and of its statements on the state store. */
  | { readonly ask: 'figures' }
  | { readonly ask: 'statements' }

export type ControlAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: PlainError }
