/**
 * The wedge: between an owner that stops and one that starts, every member has said that it knows.
 *
 * Idea: a member that installs a view first stops what the view took from it, and only then answers "installed". The new owner
 * of a partition serves it once all members of the view that gave it have answered. So at no instant do two serve it,
 * and no member is left that would still act upon the owner of before.
 *
 * A member that does not answer holds the partition up only until its lease ends: the next view drops it, and with it the
 * wait. Answers are pushed to those who wait for them, and asked for again while one is missed; they may be lost,
 * doubled and late, since they only ever say "at least this view". One that was given by a view which is still on its way here is kept until then.
 *
 * Subtle: a member may see views 5 and 8 and none between. A partition that it owned in both, but with another epoch, was
 * somebody else's in between: it is lost and gained anew. While what view 8 took is still stopping, "installed" stays at
 * 5 (not 7: the stop may be view 6's).
 *
 * A partition, on one member:
 *
 * | state | left by | to |
 * | --- | --- | --- |
 * | elsewhere | a view gives it to this member | waiting |
 * | waiting | all have installed / a view takes it away | serving (effect `gained`) / elsewhere |
 * | serving | a view takes it away, or gives it anew | stopping (effect `lost`) |
 * | stopping | `ackLost` | elsewhere, or waiting |
 *
 * `stopping` is kept a view, not a partition: see `#stops`.
 */
import type { NamedReport } from './directory.ts'
import type { NodeId, Outbox } from './effects.ts'
import { EARLY_MESSAGES_MAX } from './limits.ts'
import type { Mutation } from './mutation.ts'
import type { LiveReport, ViewMessage } from './peer-message.ts'
import { memberOf } from './view.ts'
import type { View } from './view.ts'

/** What a wedge is set up with. */
export interface WedgeOptions {
  readonly self: NodeId
  readonly askEveryMs: number
  readonly mutations: ReadonlySet<Mutation>
  /** What lives at this node of a partition that is, or will be, another's. */
  readonly reports: (partition: number) => readonly LiveReport[]
  /** A partition is about to be served; this is what members said lives with them. */
  readonly onGained: (partition: number, reports: readonly NamedReport[]) => void
}

/** Partitions that came with one view, and the members whose answers are missing. */
interface Wait {
  readonly partitions: number[]
  readonly nodes: Set<NodeId>
  readonly reports: NamedReport[]
}

const NONE: readonly NamedReport[] = []

/** An answer that was given by a view which is still on its way here. */
interface Early {
  readonly from: NodeId
  readonly message: Installed
}

type Installed = ViewMessage & { readonly kind: 'installed' }

/** What a view took away and is still stopping; `before` is the view that was installed until then. */
interface Stop {
  readonly viewNo: number
  readonly before: number
}

/** One member's part in all hand-overs. */
export class Wedge {
  readonly #outbox: Outbox
  readonly #options: WedgeOptions
  #view: View | undefined
  /** For each partition the epoch in which it is served here, or 0. */
  #serving: number[] = []
  #waits = new Map<number, Wait>()
  #stops: Stop[] = []
  #announced = 0
  #early: Early[] = []
  #askAt = Infinity

  constructor(outbox: Outbox, options: WedgeOptions) {
    this.#outbox = outbox
    this.#options = options
  }

  get view(): View | undefined {
    return this.#view
  }

  get wakeAtMs(): number {
    return this.#askAt
  }

  /** The newest view up to which all that was lost has stopped. */
  get installedNo(): number {
    return this.#stops[0]?.before ?? this.#view?.viewNo ?? 0
  }

  /** Whether nothing is being stopped. */
  get hasStopped(): boolean {
    return this.#stops.length === 0
  }

  isServing(partition: number): boolean {
    return (this.#serving[partition] ?? 0) !== 0
  }

  install(view: View, now: number): void {
    const before = this.#view?.viewNo ?? 0
    const lost = this.#takeAway(view)
    this.#view = view
    this.#outbox.push({ kind: 'viewChanged', view })
    this.#stop(lost, view.viewNo, before)
    this.#waits = this.#waitsFor(view)
    this.#takeEarly()
    this.#askAt = this.#waits.size === 0 ? Infinity : now + this.#options.askEveryMs
    this.#advance()
  }

  /** Stops all, as if the next view had taken it away; no view may be installed after this. */
  stopAll(): void {
    const lost = this.#serving.flatMap((epoch, partition) => (epoch === 0 ? [] : [partition]))
    const viewNo = this.#view?.viewNo ?? 0
    this.#serving = []
    this.#waits.clear()
    this.#askAt = Infinity
    this.#stop(lost, viewNo + 1, viewNo)
  }

  /** Serves nothing any more: the member is finished, and nobody is asked. */
  end(): void {
    this.#serving = []
    this.#waits.clear()
    this.#askAt = Infinity
  }

  /** The application has stopped what was lost up to this view. */
  ackLost(viewNo: number): void {
    this.#stops = this.#stops.filter((stop) => stop.viewNo > viewNo)
    this.#advance()
  }

  handleMessage(from: NodeId, message: ViewMessage): void {
    if (message.kind === 'installed') {
      if (message.viewNo > (this.#view?.viewNo ?? 0)) this.#keepEarly(from, message)
      else this.#takeAnswer(from, message)
      this.#advance()
    } else if (this.#view !== undefined && memberOf(this.#view, from) !== undefined) {
      const { since } = message
      this.#answer(from, this.#view, since, this.#reports(this.#view, since).get(from) ?? [])
    }
  }

  handleTick(now: number): void {
    if (now < this.#askAt) return
    const viewNo = this.#view?.viewNo ?? 0
    for (const [to, since] of this.#missed()) {
      this.#outbox.push({ kind: 'sendPeer', to, message: { kind: 'askInstalled', viewNo, since } })
    }
    this.#askAt = now + this.#options.askEveryMs
  }

  /** Ends the service of partitions that the view no longer leaves with this member as they were; returns them. */
  #takeAway(view: View): number[] {
    const { self } = this.#options
    const { owner, partitionEpoch } = view
    const before = this.#serving
    const serving = new Array<number>(owner.length).fill(0)
    const lost: number[] = []
    for (let partition = 0; partition < owner.length; partition += 1) {
      const epoch = before[partition] ?? 0
      if (epoch === 0) continue
      if (owner[partition] === self && partitionEpoch[partition] === epoch)
        serving[partition] = epoch
      else lost.push(partition)
    }
    this.#serving = serving
    return lost
  }

  #stop(lost: readonly number[], viewNo: number, before: number): void {
    if (lost.length === 0) return
    if (!this.#options.mutations.has('installedBeforeStopped')) this.#stops.push({ viewNo, before })
    this.#outbox.push({ kind: 'lost', partitions: lost, viewNo })
  }

  #waitsFor(view: View): Map<number, Wait> {
    const waits = new Map<number, Wait>()
    const { self } = this.#options
    const { owner, partitionEpoch } = view
    for (let partition = 0; partition < owner.length; partition += 1) {
      if (owner[partition] !== self || this.isServing(partition)) continue
      const epoch = partitionEpoch[partition] ?? view.viewNo
      const wait = waits.get(epoch)
      if (wait === undefined) waits.set(epoch, this.#waitFor(view, epoch, partition))
      else wait.partitions.push(partition)
    }
    return waits
  }

  #waitFor(view: View, epoch: number, partition: number): Wait {
    const reports = this.#waits.get(epoch)?.reports ?? []
    return { partitions: [partition], nodes: this.#awaited(view, epoch), reports }
  }

  /** Those who have to answer: the members of the view that gave the partitions, as far as they are still members. */
  #awaited(view: View, epoch: number): Set<NodeId> {
    const ids = view.members.map((member) => member.nodeId)
    const before = this.#waits.get(epoch)?.nodes
    if (before === undefined) return new Set(ids)
    if (this.#options.mutations.has('waitsNotPruned')) return before
    return new Set(ids.filter((nodeId) => before.has(nodeId)))
  }

  /** Who has not answered, and since which view an answer is missed. */
  #missed(): Map<NodeId, number> {
    const missed = new Map<NodeId, number>()
    for (const [epoch, wait] of this.#waits) {
      for (const node of wait.nodes) {
        missed.set(node, Math.min(epoch - 1, missed.get(node) ?? Infinity))
      }
    }
    missed.delete(this.#options.self)
    return missed
  }

  /** Says what can be said since something changed: to others that this member has stopped, to itself that it may start. */
  #advance(): void {
    this.#announce()
    const { self, mutations } = this.#options
    for (const [epoch, wait] of this.#waits) {
      if (this.installedNo >= epoch) wait.nodes.delete(self)
      if (wait.nodes.size > 0 && !mutations.has('noWedge')) continue
      this.#waits.delete(epoch)
      this.#serve(wait, epoch)
    }
    if (this.#waits.size === 0) this.#askAt = Infinity
  }

  #serve(wait: Wait, epoch: number): void {
    const { onGained } = this.#options
    const told = this.#told(wait)
    for (const partition of wait.partitions) {
      const own = this.#own(partition)
      const others = told.get(partition)
      this.#serving[partition] = epoch
      onGained(partition, others === undefined ? own : [...others, ...own])
    }
    this.#outbox.push({ kind: 'gained', partitions: wait.partitions, epoch })
  }

  /** What lives with this node itself of a partition that it is about to serve. */
  #own(partition: number): readonly NamedReport[] {
    const { self, reports } = this.#options
    const own = reports(partition)
    return own.length === 0 ? NONE : own.map((report) => ({ ...report, from: self }))
  }

  /** What those said who are still members, by partition. */
  #told({ reports }: Wait): Map<number, NamedReport[]> {
    const told = new Map<number, NamedReport[]>()
    for (const report of reports) {
      if (!this.#isMember(report.from)) continue
      const others = told.get(report.partition)
      if (others === undefined) told.set(report.partition, [report])
      else others.push(report)
    }
    return told
  }

  /** Tells those who got partitions in the views that are newly installed; the others do not wait. */
  #announce(): void {
    const view = this.#view
    const since = this.#announced
    const installed = this.installedNo
    if (view === undefined || installed <= since) return
    this.#announced = installed
    for (const [to, live] of this.#reports(view, since)) this.#answer(to, view, since, live)
  }

  /**
   * What lives here of the partitions that others got in views after `since`, up to the installed one: for each of those others, in
   * one walk over all partitions.
   */
  #reports({ owner, partitionEpoch }: View, since: number): Map<NodeId, LiveReport[]> {
    const { self, reports } = this.#options
    const installed = this.installedNo
    const found = new Map<NodeId, LiveReport[]>()
    for (let partition = 0; partition < owner.length; partition += 1) {
      const epoch = partitionEpoch[partition] as number
      if (epoch <= since || epoch > installed) continue
      const to = owner[partition]
      if (to === undefined || to === self) continue
      let live = found.get(to)
      if (live === undefined) found.set(to, (live = []))
      for (const report of reports(partition)) live.push(report)
    }
    return found
  }

  #answer(to: NodeId, view: View, since: number, live: readonly LiveReport[]): void {
    const installed = this.installedNo
    const message = { kind: 'installed', viewNo: view.viewNo, since, installed, live } as const
    this.#outbox.push({ kind: 'sendPeer', to, message })
  }

  /** An answer counts for the views that it covers: one that says nothing of a view between is none for it. */
  #takeAnswer(from: NodeId, { since, installed, live }: Installed): void {
    for (const [epoch, wait] of this.#waits) {
      if (epoch <= since || epoch > installed || !wait.nodes.delete(from)) continue
      // One by one: as arguments of a call there may be too many.
      for (const report of live) wait.reports.push({ ...report, from })
    }
  }

  /**
   * By its newer view the sender may have said what lives with it to somebody else, who has a partition next: nothing may be gained from
   * such an answer before that view is here. One too many is asked for again.
   */
  #keepEarly(from: NodeId, message: Installed): void {
    if (this.#early.length < EARLY_MESSAGES_MAX) this.#early.push({ from, message })
  }

  #takeEarly(): void {
    const viewNo = this.#view?.viewNo ?? 0
    const early = this.#early
    this.#early = early.filter(({ message }) => message.viewNo > viewNo)
    for (const { from, message } of early)
      if (message.viewNo <= viewNo) this.#takeAnswer(from, message)
  }

  #isMember(nodeId: NodeId): boolean {
    return this.#view !== undefined && memberOf(this.#view, nodeId) !== undefined
  }
}
