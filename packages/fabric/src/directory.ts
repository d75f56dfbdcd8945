/**
 * The owner's list of entities that live away from home, and its word on who may run them.
 *
 * Idea: an entity lives with the owner of its partition unless the list says otherwise, so an entity at home costs nothing here.
 * The owner alone gives out epochs in its partition, and it alone decides a move: the source wants to know whether
 * the entity is still its own, the target whether it is already; both ask the owner, who answers each as often as asked,
 * and never one thing now and the other later.
 *
 * An entry, in the owner's eyes:
 *
 * | state | on | becomes |
 * | --- | --- | --- |
 * | (none: at home, or nowhere) | `place` elsewhere / `prepareMove` by the owner itself | placed / moving |
 * | placed | `askGrant` of the host | live |
 * | live | `askGrant` of the host / `released` / `prepareMove` of the host | live, newer epoch / none / moving |
 * | moving | `commitMove` of the target / `abortMove` of the source, or the target is gone | live at the target / live at the source, newer epoch |
 * | any | its host is gone | none |
 *
 * Subtle: an `askGrant` may be a late duplicate. It carries a number that grows at its sender: one that was answered is answered
 * the same again, an older one not at all; else an entity that lives would change its epoch behind its host's back. So does the
 * target's `commitMove`: what it asked before the entity came is void, and a second arrival under the same epoch, by a late
 * duplicate of the transfer, when the first has lived and ended, is none (the simulation found all three). An entity that comes home
 * leaves the list. A new owner makes the list from what all members say lives with them, before it serves.
 */
import type { NodeId } from './effects.ts'
import type { EntityKey, EntityMessage, LiveReport } from './peer-message.ts'
import type { Place, Standing } from './standing.ts'

interface Entry {
  host: NodeId
  /** Of the last grant; of the placement while there was none. */
  epoch: bigint
  /** The number of the last `askGrant` that was answered, or of the arrival that was. */
  nonce: number
  move: { readonly target: NodeId; readonly epoch: bigint } | undefined
  /** The host was chosen and has not asked yet: nothing runs there. */
  isOnlyPlaced: boolean
}

/** What a member reported, with its name. */
export interface NamedReport extends LiveReport {
  readonly from: NodeId
}

type Entries = Map<EntityKey, Entry>

/** The lists of all partitions that this node owns. */
export class Directory {
  readonly #standing: Standing
  readonly #partitions = new Map<number, Entries>()

  constructor(standing: Standing) {
    this.#standing = standing
  }

  /** How many entities of the owned partitions live, or are placed, elsewhere. */
  get size(): number {
    let size = 0
    for (const entries of this.#partitions.values()) size += entries.size
    return size
  }

  /** The partitions of which it holds a list. */
  get partitions(): Iterable<number> {
    return this.#partitions.keys()
  }

  /** Where the owner says that an entity is: `undefined` for at home. */
  find(place: Place): { readonly host: NodeId; readonly epoch: bigint } | undefined {
    return this.#partitions.get(place.partition)?.get(place.key)
  }

  /** Whether the list of a partition names any entity. */
  hasEntries(partition: number): boolean {
    return (this.#partitions.get(partition)?.size ?? 0) > 0
  }

  /** Whether the owner is itself the target of a move that it prepared with this epoch. */
  awaits(place: Place, epoch: bigint): boolean {
    const move = this.#entry(place)?.move
    return move?.target === this.#standing.self && move.epoch === epoch
  }

  /**
   * Puts an entity that is nowhere at a node; the node asks for the grant when it gets the first call. Until then another node
   * may be chosen.
   */
  place(place: Place, host: NodeId): void {
    if (this.#entry(place)?.isOnlyPlaced === false) return
    const entries = this.#entries(place.partition)
    entries.delete(place.key)
    if (host === this.#standing.self) return
    const epoch = this.#standing.nextGrantEpoch(place.partition)
    const isOnlyPlaced = true
    entries.set(place.key, { host, epoch, nonce: 0, move: undefined, isOnlyPlaced })
  }

  /** Begins with a partition: from what the members say lives with them. */
  open(partition: number, reports: readonly NamedReport[]): void {
    this.#partitions.delete(partition)
    if (reports.length === 0) return
    const byKey = new Map<EntityKey, NamedReport[]>()
    for (const report of reports) {
      if (report.state === 'adopting') continue
      byKey.set(report.key, [...(byKey.get(report.key) ?? []), report])
    }
    for (const known of byKey.values()) this.#recover(known)
  }

  /** Another owns the partition now. */
  close(partition: number): void {
    this.#partitions.delete(partition)
  }

  /** The members have changed: what lived with one that is gone lives nowhere. */
  prune(): void {
    for (const [partition, entries] of this.#partitions) {
      for (const [key, entry] of entries) {
        if (!this.#standing.isMember(entry.host)) this.#drop({ key, partition }, entry)
        else if (entry.move !== undefined && !this.#standing.isMember(entry.move.target)) {
          this.#abort({ key, partition }, entry)
        }
      }
    }
  }

  handleMessage(from: NodeId, message: EntityMessage): void {
    switch (message.kind) {
      case 'askGrant':
        this.#handleAsk(from, message, message.nonce)
        return
      case 'released':
        this.#handleReleased(from, message, message.epoch)
        return
      case 'prepareMove':
        this.#handlePrepare(from, message, message)
        return
      case 'commitMove':
        this.#handleCommit(from, message, message)
        return
      case 'abortMove':
        this.#handleAbort(from, message, message.epoch)
        return
      default:
    }
  }

  #entries(partition: number): Entries {
    const entries = this.#partitions.get(partition) ?? new Map<EntityKey, Entry>()
    this.#partitions.set(partition, entries)
    return entries
  }

  #entry(place: Place): Entry | undefined {
    return this.#partitions.get(place.partition)?.get(place.key)
  }

  /** Of all that is said of one entity the highest epoch is right; whoever was moving it is told how that ended. */
  #recover(known: readonly NamedReport[]): void {
    const right = known.reduce((best, report) => (report.epoch > best.epoch ? report : best))
    const { from: host, epoch } = right
    const entry: Entry = { host, epoch, nonce: 0, move: undefined, isOnlyPlaced: false }
    this.#entries(right.partition).set(right.key, entry)
    for (const other of known) {
      if (other === right || other.state !== 'moving') continue
      this.#tellCommitted(other.from, right, { ...entry, sourceEpoch: other.epoch, nonce: 0 })
    }
    if (right.state === 'moving') this.#abort(right, entry)
    else if (entry.host === this.#standing.self) this.#entries(right.partition).delete(right.key)
  }

  #handleAsk(from: NodeId, place: Place, nonce: number): void {
    const entry = this.#entry(place)
    if (entry === undefined || entry.host !== from) {
      const { host, epoch } = entry ?? { host: this.#standing.self, epoch: 0n }
      this.#standing.tell(from, place, { kind: 'refuse', nonce, host, epoch })
      return
    }
    if (entry.move !== undefined || nonce < entry.nonce) return
    if (nonce > entry.nonce) {
      entry.nonce = nonce
      entry.isOnlyPlaced = false
      entry.epoch = this.#standing.nextGrantEpoch(place.partition)
    }
    this.#standing.tell(from, place, { kind: 'grant', nonce, epoch: entry.epoch })
  }

  #handleReleased(from: NodeId, place: Place, epoch: bigint): void {
    const entry = this.#entry(place)
    if (entry?.host !== from || entry.epoch !== epoch || entry.move !== undefined) return
    this.#entries(place.partition).delete(place.key)
  }

  #handlePrepare(
    from: NodeId,
    place: Place,
    { epoch, target }: { readonly epoch: bigint; readonly target: NodeId },
  ): void {
    const { self } = this.#standing
    const known = this.#entry(place)
    const entry: Entry | undefined =
      known ??
      (from === self
        ? { host: self, epoch, nonce: 0, move: undefined, isOnlyPlaced: false }
        : undefined)
    const isAllowed =
      entry?.host === from &&
      entry.epoch === epoch &&
      target !== from &&
      this.#standing.isMember(target) &&
      (entry.move === undefined || entry.move.target === target)
    if (!isAllowed) {
      this.#standing.tell(from, place, { kind: 'moveRefused', sourceEpoch: epoch })
      return
    }
    entry.move ??= { target, epoch: this.#standing.nextGrantEpoch(place.partition) }
    this.#entries(place.partition).set(place.key, entry)
    const prepared = { kind: 'movePrepared', sourceEpoch: epoch, epoch: entry.move.epoch } as const
    this.#standing.tell(from, place, prepared)
  }

  #handleCommit(
    from: NodeId,
    place: Place,
    { epoch, nonce }: { readonly epoch: bigint; readonly nonce: number },
  ): void {
    const entry = this.#entry(place)
    if (entry?.move?.target === from && entry.move.epoch === epoch) {
      const { host: source, epoch: sourceEpoch } = entry
      Object.assign(entry, { host: from, epoch, nonce, move: undefined })
      if (from === this.#standing.self) this.#entries(place.partition).delete(place.key)
      this.#tellCommitted(source, place, { ...entry, sourceEpoch, nonce: 0 })
      this.#tellCommitted(from, place, { ...entry, sourceEpoch })
    } else if (entry?.host === from && entry.epoch === epoch && isSameArrival(entry, nonce)) {
      this.#tellCommitted(from, place, { ...entry, sourceEpoch: 0n })
    } else {
      this.#tellAborted(from, place, { sourceEpoch: 0n, epoch })
    }
  }

  #handleAbort(from: NodeId, place: Place, epoch: bigint): void {
    const { self } = this.#standing
    const entry = this.#entry(place)
    if (entry === undefined && from === self) {
      const fresh = this.#standing.nextGrantEpoch(place.partition)
      this.#tellAborted(self, place, { sourceEpoch: epoch, epoch: fresh })
    } else if (entry?.host !== from) {
      const { host, epoch: newest } = entry ?? { host: self, epoch: 0n }
      this.#tellCommitted(from, place, { host, epoch: newest, sourceEpoch: epoch, nonce: 0 })
    } else if (entry.epoch === epoch) {
      this.#abort(place, entry)
    } else if (entry.move === undefined) {
      this.#tellAborted(from, place, { sourceEpoch: epoch, epoch: entry.epoch })
    }
  }

  /** The entity stays at its source, with an epoch above the one that the target may have claimed. */
  #abort(place: Place, entry: Entry): void {
    const { move, host, epoch: sourceEpoch } = entry
    entry.move = undefined
    entry.epoch = this.#standing.nextGrantEpoch(place.partition)
    if (host === this.#standing.self) this.#entries(place.partition).delete(place.key)
    this.#tellAborted(host, place, { sourceEpoch, epoch: entry.epoch })
    if (move === undefined || !this.#standing.isMember(move.target)) return
    this.#tellAborted(move.target, place, { sourceEpoch: 0n, epoch: move.epoch })
  }

  /** The host is gone, and with it what it had: also what was on its way from there. */
  #drop(place: Place, { move }: Entry): void {
    this.#entries(place.partition).delete(place.key)
    if (move === undefined || !this.#standing.isMember(move.target)) return
    this.#tellAborted(move.target, place, { sourceEpoch: 0n, epoch: move.epoch })
  }

  /** To a target with the number of its arrival; to a source with none. */
  #tellCommitted(
    to: NodeId,
    place: Place,
    {
      sourceEpoch,
      epoch,
      host,
      nonce,
    }: Pick<Entry, 'host' | 'epoch' | 'nonce'> & {
      readonly sourceEpoch: bigint
    },
  ): void {
    this.#standing.tell(to, place, { kind: 'moveCommitted', sourceEpoch, epoch, host, nonce })
  }

  #tellAborted(
    to: NodeId,
    place: Place,
    epochs: { readonly sourceEpoch: bigint; readonly epoch: bigint },
  ): void {
    this.#standing.tell(to, place, { kind: 'moveAborted', ...epochs })
  }
}

/** Whether this is the arrival that has been committed, which asks again. */
function isSameArrival(entry: Entry, nonce: number): boolean {
  return entry.move === undefined && entry.nonce === nonce
}
