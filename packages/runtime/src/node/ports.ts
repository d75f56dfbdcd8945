/**
 * What a node asks of the world around it. The server passes real clocks, stores and sockets; the simulator passes its own.
 * No other part of the runtime touches a clock, a socket, a disk or a source of randomness.
 */
import type { StateStore } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { RefObject } from '../model/ref.ts'
import type { EntityCall } from './entity-call.ts'
import type { FileSystem } from '../syscalls/files.ts'
import type { LogSink } from '../log.ts'
import type { NodeObserver } from './observer.ts'

/** Something that will happen unless it is cancelled. */
export interface Pending {
  cancel(): void
}

export interface NodeClock {
  /** Milliseconds that never jump; what leases and deadlines are measured with. */
  monotonicMs(): number
  /** Milliseconds since 1970, as people and calendars know them. */
  wallMs(): number
  setTimer(run: () => void, delayMs: number): Pending
  /** Runs after sockets and timers had their turn. */
  yield(run: () => void): void
  /** Runs when all that is ready now has run: after the present turns and their continuations. */
  afterTurns(run: () => void): void
}

/** The way to another node, for what concerns no entity and needs no answer. */
export interface NodeLink {
  readonly nodeId: string
  /** What waits there because the node is behind. */
  readonly backlogBytes: number
  /** `onRefused` gets why it could not be sent; whether it arrives nobody hears. */
  tell(what: string, args: readonly unknown[], onRefused: (error: unknown) => void): void
}

/** Where entities live that do not live here. */
export interface Router {
  /** Whether this node may activate the entity. */
  isHome(ref: RefObject): boolean
  /** Whether calls to the entity wait for a way already: what comes goes behind them, wherever it lives. */
  isHeldFor?(ref: RefObject): boolean
  /** Whether this node serves the partition. */
  isReady(partition: number): boolean
  /** All partitions that it serves at the moment; the set itself never changes. */
  readonly readyPartitions: ReadonlySet<number>
  /** The epoch of a new activation here. */
  grantEpoch(type: string, id: string): bigint
  /** Takes a call to another node; it will be settled. `now` is coarse, as its deadline is. */
  send(call: EntityCall, now: number): void
  /** Whether a call must wait for those that left this node before its entity came here; then it is kept. */
  mustFollow?(call: EntityCall): boolean
  /** The entity of a call is about to begin here. Says whether it begins elsewhere, or may: then the call is on its way there. */
  beginElsewhere?(call: EntityCall): boolean
  /** Keeps a call until it is clear where it goes; false where there is nothing to wait for. */
  hold(call: EntityCall): boolean
  /** Asks every other node something that concerns no entity. */
  askOthers(
    what: string,
    args: readonly unknown[],
    timeLeftMs: number,
  ): Promise<PromiseSettledResult<unknown>[]>
  /** The node that is home to an entity; none, as long as nobody is. */
  homeOf?(ref: RefObject): string | undefined
  /** The link to a node, while it is open. */
  linkTo?(nodeId: string): NodeLink | undefined
  /** Whether this node may still act: run turns, write, answer. */
  canServe(nowMs: number): boolean
  /** An entity that starts nothing new has come to rest; told where entities move. */
  handleRested?(activation: Activation): void
  /** An activation begins to live here. */
  handleAwake?(activation: Activation): void
  /** An activation has ended. */
  handleGone?(activation: Activation): void
}

export interface NodePorts {
  readonly clock: NodeClock
  readonly random: () => number
  readonly store: StateStore
  readonly router: Router
  readonly files: FileSystem
  readonly log: LogSink
  /** Watches what the node does; for simulations and debuggers. */
  readonly observer?: NodeObserver
}
