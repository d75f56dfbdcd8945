/**
 * What a member asks of the world, and what it is told: plain data, so that a runtime and a simulator can perform the same.
 *
 * Effects are performed in the order in which they are polled. Each store request is answered exactly once, by a reply with
 * its token; the provider's own deadline turns a lost answer into `failed` with `Unknown`.
 */
import type { LeaseId, Rec, Rev, Txn, WatchEvent } from '@epicserver/contracts'
import type { MoveFailure } from './movement.ts'
import type { EntityKey, PeerMessage } from './peer-message.ts'
import type { View } from './view.ts'

/** A node's id: that of its lease, so it is new at each start and never used again. */
export type NodeId = LeaseId

/** Ties a store's answer to its request. */
export type Token = number

/** A request to the `ClusterStore`, or the start and end of a watch. */
export type StoreEffect =
  | { readonly kind: 'grant'; readonly token: Token; readonly ttlMs: number }
  | { readonly kind: 'keepAlive'; readonly token: Token; readonly lease: LeaseId }
  | { readonly kind: 'revoke'; readonly token: Token; readonly lease: LeaseId }
  | { readonly kind: 'list'; readonly token: Token; readonly prefix: string }
  | { readonly kind: 'txn'; readonly token: Token; readonly txn: Txn }
  | { readonly kind: 'watch'; readonly token: Token; readonly prefix: string; readonly from: Rev }
  /** Ends the watch that was started with this token. */
  | { readonly kind: 'unwatch'; readonly token: Token }

/** Why a member stopped for good. */
export type FenceReason =
  /** No renewal was confirmed in time. */
  | 'deadline'
  /** The store says that the lease is gone, or a view left this member out. */
  | 'leaseLost'
  /** The wall clock ran ahead of the monotonic one: the machine was suspended or restored. */
  | 'clockGap'
  /** The process runs on another boot than it started on: it was restored elsewhere. */
  | 'bootChanged'
  /** The store's view is of another format, another number of partitions, or older than one seen before. */
  | 'incompatible'
  /** It left because it was told to. */
  | 'left'

/**
 * What `Residents` asks for an entity that lives, or shall live, away from home. Polled from there: a runtime that places and
 * moves nothing need not know these.
 */
export type EntityEffect =
  /** Activate it here with this epoch, for the calls that wait. */
  | {
      readonly kind: 'granted'
      readonly key: EntityKey
      readonly partition: number
      readonly epoch: bigint
    }
  /** It is not to be here: the calls that wait go to that node. */
  | {
      readonly kind: 'elsewhere'
      readonly key: EntityKey
      readonly partition: number
      readonly host: NodeId
      readonly epoch: bigint
    }
  /** Begin no more turns, keep calls; between two turns take all there is of it and call `sealed`. */
  | { readonly kind: 'seal'; readonly key: EntityKey; readonly partition: number }
  /**
   * Rebuild it from the payload, without running it; then `adopted`. Or `refused`: when it is here already, or cannot be rebuilt.
   * Nothing is asked of the store: its first write bears this epoch.
   */
  | {
      readonly kind: 'adopt'
      readonly key: EntityKey
      readonly partition: number
      readonly epoch: bigint
      readonly payload: unknown
    }
  /** Run what was adopted: it lives here. */
  | {
      readonly kind: 'start'
      readonly key: EntityKey
      readonly partition: number
      readonly epoch: bigint
    }
  /** Forget what was adopted: it does not. Calls that wait for it are to be resolved again. */
  | { readonly kind: 'drop'; readonly key: EntityKey; readonly partition: number }
  /** It lives at that node: drop it, and send on, in order, the calls that were kept. */
  | {
      readonly kind: 'moved'
      readonly key: EntityKey
      readonly partition: number
      readonly host: NodeId
      readonly epoch: bigint
    }
  /** It stays: claim it with this epoch, then go on with what was kept. */
  | {
      readonly kind: 'resume'
      readonly key: EntityKey
      readonly partition: number
      readonly epoch: bigint
      readonly failure: MoveFailure
    }

/** All that a member asks of the world. */
export type Effect =
  | StoreEffect
  | { readonly kind: 'sendPeer'; readonly to: NodeId; readonly message: PeerMessage }
  /** A newer view holds: open channels to its members, close those to others, route by it. */
  | { readonly kind: 'viewChanged'; readonly view: View }
  /** These partitions are served here from now on; activations' epochs start above `epoch`. */
  | { readonly kind: 'gained'; readonly partitions: readonly number[]; readonly epoch: number }
  /** These partitions are not served here any more. Stop their entities, then `ackLost(viewNo)`. */
  | { readonly kind: 'lost'; readonly partitions: readonly number[]; readonly viewNo: number }
  /** A draining member owns nothing any more, and no guests live with it: it may leave. */
  | { readonly kind: 'drained' }
  /** Stop executing at once: drop all activations, close all sockets. This member is finished. */
  | { readonly kind: 'fence'; readonly reason: FenceReason }

/** The answer to a store request. */
export type StoreReply =
  | {
      readonly kind: 'granted'
      readonly token: Token
      readonly id: LeaseId
      readonly ttlMs: number
    }
  | { readonly kind: 'renewed'; readonly token: Token; readonly ttlMs: number }
  | { readonly kind: 'revoked'; readonly token: Token }
  | {
      readonly kind: 'listed'
      readonly token: Token
      readonly recs: readonly Rec[]
      readonly rev: Rev
    }
  | { readonly kind: 'committed'; readonly token: Token; readonly ok: boolean; readonly rev: Rev }
  /** `code` is the error's; all but `LeaseLost` and `Unknown` are taken as "certainly not applied". */
  | { readonly kind: 'failed'; readonly token: Token; readonly code: string }

/** What a watch reports. */
export interface WatchReport {
  readonly token: Token
  readonly events: readonly WatchEvent[] | 'reset'
}

/** A reading of the clocks besides the monotonic one. */
export interface ClockReading {
  readonly wallMs: number
  /** Time since the boot with the time in suspension, where the system tells it: nobody can set it. */
  readonly uptimeMs?: number
  readonly boot: string
}

/** Effects in order, and fresh tokens; shared by the parts of a member. */
export class Outbox {
  #effects: Effect[] = []
  #lastToken = 0

  push(effect: Effect): void {
    this.#effects.push(effect)
  }

  shift(): Effect | undefined {
    return this.#effects.shift()
  }

  clear(): void {
    this.#effects = []
  }

  nextToken(): Token {
    this.#lastToken += 1
    return this.#lastToken
  }
}
