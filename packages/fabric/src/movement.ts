/**
 * Moving an entity that runs from one node to another: the source's side and the target's.
 *
 * The source asks the owner to prepare, and the entity goes on meanwhile. Then it stops the entity's turns, and sends it sealed to the
 * target. The target rebuilds it under the epoch that the owner prepared, and asks the owner to commit. The owner's
 * answer is the moment of the move: only then the target runs it and the source, which has kept it sealed, lets it go and
 * sends on what arrived meanwhile. At any other end the source goes on, under a newer epoch, so that what the target may
 * have been told before its owner died cannot write. Neither side ever concludes by itself: each asks until the owner, or the next owner, says how it ended.
 *
 * Source:
 *
 * | state | on | becomes |
 * | --- | --- | --- |
 * | preparing | `movePrepared` / `moveRefused`, given up, the time is over | draining (effect `seal`) / asking |
 * | draining | `sealed` / `transferFailed`, given up, the time is over | transferring / asking |
 * | transferring | `moveCommitted` / `moveAborted` / `transferFailed`, the time is over | gone (effect `moved`) / at home (effect `resume`) / asking |
 * | asking | `moveCommitted` / `moveAborted` | gone (effect `moved`) / at home (effect `resume`) |
 *
 * Target:
 *
 * | state | on | becomes |
 * | --- | --- | --- |
 * | adopting | `adopted` / `adoptFailed` / `moveAborted` | asking / gone / gone (effect `drop`) |
 * | asking | `moveCommitted` / `moveAborted` | live (effect `start`) / gone (effect `drop`) |
 */
import type { NodeId } from './effects.ts'
import { MOVE_GIVE_UP_MS } from './limits.ts'
import type { Location } from './location-cache.ts'
import type { Mutation } from './mutation.ts'
import type { EntityKey, EntityMessage, LiveReport } from './peer-message.ts'
import type { Place, Resident, Standing } from './standing.ts'

/** Why an entity stayed where it was. */
export type MoveFailure =
  /** It had no quiet moment in time, or the others did not answer in time. */
  | 'tooLate'
  /** The owner, or the target, would not have it so. */
  | 'refused'

interface Departure {
  readonly resident: Resident
  readonly target: NodeId
  readonly giveUpAt: number
  phase: 'preparing' | 'draining' | 'transferring' | 'asking'
  /** The epoch that the owner prepared for the target. */
  prepared: bigint | undefined
  failure: MoveFailure
  askAt: number
}

interface Arrival {
  readonly resident: Resident
  readonly source: NodeId
  readonly sourceEpoch: bigint
  readonly nonce: number
  phase: 'adopting' | 'asking'
  askAt: number
}

/** What a movement tells the rest of its node. */
export interface MovementEvents {
  /** The entity lives here, in this epoch. */
  readonly onStayed: (resident: Resident) => void
  readonly onGone: (key: EntityKey, to: Location, now: number) => void
  /** The entity is on its way here. Returns a number of its own for this arrival; this node's questions of before are void. */
  readonly onArriving: (key: EntityKey) => number
  /** Whether the node may take the entity in under this epoch. */
  readonly canAdopt: (place: Place, epoch: bigint) => boolean
}

/** How moves are made. */
export interface MovementOptions {
  readonly askEveryMs: number
  readonly mutations: ReadonlySet<Mutation>
}

/** All moves that this node is source or target of. */
export class Movement {
  readonly #standing: Standing
  readonly #options: MovementOptions
  readonly #events: MovementEvents
  readonly #departures = new Map<EntityKey, Departure>()
  readonly #arrivals = new Map<EntityKey, Arrival>()

  constructor(standing: Standing, options: MovementOptions, events: MovementEvents) {
    this.#standing = standing
    this.#options = options
    this.#events = events
  }

  get wakeAtMs(): number {
    let wakeAtMs = Infinity
    for (const departure of this.#departures.values()) {
      wakeAtMs = Math.min(wakeAtMs, nextAt(departure))
    }
    for (const arrival of this.#arrivals.values()) wakeAtMs = Math.min(wakeAtMs, arrival.askAt)
    return wakeAtMs
  }

  /** How many entities are on their way out of this node. */
  get departing(): number {
    return this.#departures.size
  }

  isMoving(key: EntityKey): boolean {
    return this.#departures.has(key)
  }

  isArriving(key: EntityKey): boolean {
    return this.#arrivals.has(key)
  }

  /** Begins to move an entity that lives here. */
  depart(resident: Resident, target: NodeId, now: number): void {
    const { key } = resident
    if (this.#departures.has(key) || this.#arrivals.has(key)) return
    this.#departures.set(key, {
      resident,
      target,
      giveUpAt: now + MOVE_GIVE_UP_MS,
      phase: 'preparing',
      prepared: undefined,
      failure: 'tooLate',
      askAt: now + this.#options.askEveryMs,
    })
    this.#tellOwner(resident, { kind: 'prepareMove', epoch: resident.epoch, target })
  }

  /** The entity has stopped between two turns; this is all there is of it. */
  seal(key: EntityKey, payload: unknown): void {
    const departure = this.#departures.get(key)
    if (departure?.phase !== 'draining' || departure.prepared === undefined) return
    const { resident, prepared, target } = departure
    departure.phase = 'transferring'
    this.#standing.tell(target, resident, {
      kind: 'transfer',
      sourceEpoch: resident.epoch,
      epoch: prepared,
      payload,
    })
  }

  /** The entity cannot be sealed, or shall not move after all. */
  giveUp(key: EntityKey, now: number): void {
    const departure = this.#departures.get(key)
    if (departure !== undefined) this.#ask(departure, 'refused', now)
  }

  /** The activation has ended under the move. */
  forget(key: EntityKey): void {
    this.#departures.delete(key)
  }

  /** The target has rebuilt what came; it does not run it yet. */
  adopt(key: EntityKey, now: number): void {
    const arrival = this.#arrivals.get(key)
    if (arrival === undefined || arrival.phase !== 'adopting') return
    arrival.phase = 'asking'
    this.#askCommit(arrival, now)
    if (!this.#options.mutations.has('startsBeforeCommit')) return
    this.#events.onStayed(arrival.resident)
    this.#standing.emit({ kind: 'start', ...arrival.resident })
  }

  /** The target cannot have it. */
  refuse(key: EntityKey): void {
    const arrival = this.#arrivals.get(key)
    if (arrival === undefined || !this.#arrivals.delete(key)) return
    const { source, sourceEpoch, resident } = arrival
    this.#standing.tell(source, resident, { kind: 'transferFailed', sourceEpoch })
  }

  /** Whether nothing is on its way, in or out. */
  get isIdle(): boolean {
    return this.#departures.size === 0 && this.#arrivals.size === 0
  }

  /** What is on its way of a partition, for its next owner. */
  reports(partition: number): LiveReport[] {
    const reports: LiveReport[] = []
    for (const { resident } of this.#departures.values()) {
      if (resident.partition === partition) reports.push({ ...resident, state: 'moving' })
    }
    for (const { resident } of this.#arrivals.values()) {
      if (resident.partition === partition) reports.push({ ...resident, state: 'adopting' })
    }
    return reports
  }

  handleMessage(from: NodeId, message: EntityMessage, now: number): void {
    switch (message.kind) {
      case 'movePrepared':
        this.#handlePrepared(message.key, message)
        return
      case 'moveRefused':
      case 'transferFailed': {
        const departure = this.#departure(message.key, message.sourceEpoch)
        if (departure !== undefined && departure.phase !== 'asking') {
          this.#ask(departure, 'refused', now)
        }
        return
      }
      case 'transfer':
        this.#handleTransfer(from, message, message)
        return
      case 'moveCommitted':
        this.#handleCommitted(message, now)
        return
      case 'moveAborted':
        this.#handleAborted(message)
        return
      default:
    }
  }

  handleTick(now: number): void {
    for (const departure of this.#departures.values()) {
      if (now < nextAt(departure)) continue
      if (departure.phase === 'asking' || now >= departure.giveUpAt) {
        this.#ask(departure, departure.failure, now)
      } else if (departure.phase === 'preparing') {
        this.#prepareAgain(departure, now)
      }
    }
    for (const arrival of this.#arrivals.values()) {
      if (now >= arrival.askAt) this.#askCommit(arrival, now)
    }
  }

  #departure(key: EntityKey, sourceEpoch: bigint): Departure | undefined {
    const departure = this.#departures.get(key)
    return departure?.resident.epoch === sourceEpoch ? departure : undefined
  }

  #prepareAgain(departure: Departure, now: number): void {
    const { resident, target } = departure
    departure.askAt = now + this.#options.askEveryMs
    this.#tellOwner(resident, { kind: 'prepareMove', epoch: resident.epoch, target })
  }

  #handlePrepared(
    key: EntityKey,
    { sourceEpoch, epoch }: { readonly sourceEpoch: bigint; readonly epoch: bigint },
  ): void {
    const departure = this.#departure(key, sourceEpoch)
    if (departure?.phase !== 'preparing') return
    departure.phase = 'draining'
    departure.prepared = epoch
    departure.askAt = Infinity
    const { partition } = departure.resident
    this.#standing.emit({ kind: 'seal', key, partition })
  }

  /** From here on only the owner says how it ended. */
  #ask(departure: Departure, failure: MoveFailure, now: number): void {
    departure.phase = 'asking'
    departure.failure = failure
    departure.askAt = now + this.#options.askEveryMs
    if (this.#options.mutations.has('resumesUnasked')) {
      const { resident } = departure
      this.#handleAborted({ ...resident, sourceEpoch: resident.epoch, epoch: resident.epoch + 2n })
      return
    }
    this.#tellOwner(departure.resident, { kind: 'abortMove', epoch: departure.resident.epoch })
  }

  #handleTransfer(
    source: NodeId,
    place: Place,
    sent: { readonly sourceEpoch: bigint; readonly epoch: bigint; readonly payload: unknown },
  ): void {
    const { key, partition } = place
    const { epoch, sourceEpoch, payload } = sent
    const isBusy = this.#departures.has(key) || this.#arrivals.has(key)
    if (isBusy || !this.#events.canAdopt(place, epoch)) return
    const resident = { key, partition, epoch }
    this.#arrivals.set(key, {
      resident,
      source,
      sourceEpoch,
      nonce: this.#events.onArriving(key),
      phase: 'adopting',
      askAt: Infinity,
    })
    this.#standing.emit({ kind: 'adopt', key, partition, epoch, payload })
  }

  #askCommit(arrival: Arrival, now: number): void {
    arrival.askAt = now + this.#options.askEveryMs
    const { resident, nonce } = arrival
    this.#tellOwner(resident, { kind: 'commitMove', epoch: resident.epoch, nonce })
  }

  #handleCommitted(
    message: Place & {
      readonly sourceEpoch: bigint
      readonly epoch: bigint
      readonly host: NodeId
      readonly nonce: number
    },
    now: number,
  ): void {
    const { key, sourceEpoch, epoch, host, nonce } = message
    const arrival = this.#arrivals.get(key)
    if (
      arrival?.phase === 'asking' &&
      arrival.resident.epoch === epoch &&
      arrival.nonce === nonce
    ) {
      this.#arrivals.delete(key)
      this.#events.onStayed(arrival.resident)
      this.#standing.emit({ kind: 'start', ...arrival.resident })
    }
    const departure = this.#departure(key, sourceEpoch)
    if (departure === undefined) return
    this.#departures.delete(key)
    this.#events.onGone(key, { host, epoch }, now)
    this.#standing.emit({ kind: 'moved', key, partition: message.partition, host, epoch })
  }

  #handleAborted(message: Place & { readonly sourceEpoch: bigint; readonly epoch: bigint }): void {
    const { key, partition, sourceEpoch, epoch } = message
    const arrival = this.#arrivals.get(key)
    if (arrival?.resident.epoch === epoch) {
      this.#arrivals.delete(key)
      this.#standing.emit({ kind: 'drop', key, partition })
    }
    const departure = this.#departure(key, sourceEpoch)
    if (departure === undefined || epoch <= departure.resident.epoch) return
    this.#departures.delete(key)
    const resident = { ...departure.resident, epoch }
    this.#events.onStayed(resident)
    this.#standing.emit({ kind: 'resume', ...resident, failure: departure.failure })
  }

  #tellOwner(resident: Resident, statement: Parameters<Standing['tell']>[2]): void {
    const owner = this.#standing.ownerOf(resident.partition)
    if (owner !== undefined) this.#standing.tell(owner, resident, statement)
  }
}

function nextAt(departure: Departure): number {
  return departure.phase === 'asking'
    ? departure.askAt
    : Math.min(departure.askAt, departure.giveUpAt)
}
