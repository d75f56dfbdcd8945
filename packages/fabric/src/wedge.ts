/**
 * The wedge: between an owner that stops and one that starts, every member has said that it knows.
 *
 * Idea: a member that installs a view first stops what the view took from it, and only then answers "installed". The new owner
 * of a partition serves it once all members of the view that gave it have answered. So at no instant do two serve it,
 * and no member is left that would still act upon the owner of before.
 *
 * A member that does not answer holds the partition up only until its lease ends: the next view drops it, and with it the
 * wait. Answers are pushed to those who wait for them, and asked for again while one is missed; they may be lost,
 * doubled and late, since they only ever say "at least this view".
 *
 * Subtle: a member may see views 5 and 8 and none between. A partition that it owned in both, but with another epoch, was
 * somebody else's in between: it is lost and gained anew. While what view 8 took is still stopping, "installed" stays at
 * 5 (not 7: the stop may be view 6's). An answer may come from a member of a view that is still on its way here: it is kept.
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
import type { NodeId, Outbox, PeerMessage } from './effects.ts'
import { EARLY_MESSAGES_MAX } from './limits.ts'
import type { Mutation } from './mutation.ts'
import { memberOf } from './view.ts'
import type { View } from './view.ts'

/** What a wedge is set up with. */
export interface WedgeOptions {
  readonly self: NodeId
  readonly askEveryMs: number
  readonly mutations: ReadonlySet<Mutation>
}

/** Partitions that came with one view, and the members whose answers are missing. */
interface Wait {
  readonly partitions: number[]
  readonly nodes: Set<NodeId>
}

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
  readonly #answers = new Map<NodeId, number>()
  readonly #early = new Map<NodeId, number>()
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
    this.#pruneAnswers(view)
    this.#waits = this.#waitsFor(view)
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

  handleMessage(from: NodeId, message: PeerMessage): void {
    const view = this.#view
    if (view === undefined || memberOf(view, from) === undefined) {
      this.#keepEarly(from, message)
      return
    }
    if (message.kind === 'installed') {
      this.#noteAnswer(from, message.installed)
      this.#advance()
    } else {
      this.#answer(from, view)
    }
  }

  handleTick(now: number): void {
    if (now < this.#askAt) return
    const missed = new Set<NodeId>()
    for (const wait of this.#waits.values()) for (const node of wait.nodes) missed.add(node)
    missed.delete(this.#options.self)
    for (const to of missed) {
      const viewNo = this.#view?.viewNo ?? 0
      this.#outbox.push({ kind: 'sendPeer', to, message: { kind: 'askInstalled', viewNo } })
    }
    this.#askAt = now + this.#options.askEveryMs
  }

  /** Ends the service of partitions that the view no longer leaves with this member as they were; returns them. */
  #takeAway(view: View): number[] {
    const lost: number[] = []
    this.#serving = view.owner.map((owner, partition) => {
      const epoch = this.#serving[partition] ?? 0
      const isKept = owner === this.#options.self && view.partitionEpoch[partition] === epoch
      if (epoch !== 0 && !isKept) lost.push(partition)
      return isKept ? epoch : 0
    })
    return lost
  }

  #stop(lost: readonly number[], viewNo: number, before: number): void {
    if (lost.length === 0) return
    if (!this.#options.mutations.has('installedBeforeStopped')) this.#stops.push({ viewNo, before })
    this.#outbox.push({ kind: 'lost', partitions: lost, viewNo })
  }

  #waitsFor(view: View): Map<number, Wait> {
    const waits = new Map<number, Wait>()
    for (let partition = 0; partition < view.owner.length; partition += 1) {
      if (view.owner[partition] !== this.#options.self || this.isServing(partition)) continue
      const epoch = view.partitionEpoch[partition] ?? view.viewNo
      const wait = waits.get(epoch)
      if (wait === undefined)
        waits.set(epoch, { partitions: [partition], nodes: this.#awaited(view, epoch) })
      else wait.partitions.push(partition)
    }
    return waits
  }

  /** Those who have to answer: the members of the view that gave the partitions, as far as they are still members. */
  #awaited(view: View, epoch: number): Set<NodeId> {
    const ids = view.members.map((member) => member.nodeId)
    const before = this.#waits.get(epoch)?.nodes
    if (before === undefined) return new Set(ids)
    if (this.#options.mutations.has('waitsNotPruned')) return before
    return new Set(ids.filter((nodeId) => before.has(nodeId)))
  }

  /** Says what can be said since something changed: to others that this member has stopped, to itself that it may start. */
  #advance(): void {
    this.#announce()
    for (const [epoch, wait] of this.#waits) {
      for (const node of wait.nodes) if (this.#hasAnswered(node, epoch)) wait.nodes.delete(node)
      if (wait.nodes.size > 0 && !this.#options.mutations.has('noWedge')) continue
      this.#waits.delete(epoch)
      for (const partition of wait.partitions) this.#serving[partition] = epoch
      this.#outbox.push({ kind: 'gained', partitions: wait.partitions, epoch })
    }
    if (this.#waits.size === 0) this.#askAt = Infinity
  }

  #hasAnswered(node: NodeId, epoch: number): boolean {
    const installed = node === this.#options.self ? this.installedNo : this.#answers.get(node)
    return installed !== undefined && installed >= epoch
  }

  /** Tells those who got partitions in the views that are newly installed; the others do not wait. */
  #announce(): void {
    const view = this.#view
    const installed = this.installedNo
    if (view === undefined || installed <= this.#announced) return
    const waiting = new Set<NodeId>()
    view.partitionEpoch.forEach((epoch, partition) => {
      const owner = view.owner[partition]
      if (owner !== undefined && epoch > this.#announced && epoch <= installed) waiting.add(owner)
    })
    this.#announced = installed
    waiting.delete(this.#options.self)
    for (const to of waiting) this.#answer(to, view)
  }

  #answer(to: NodeId, view: View): void {
    const message: PeerMessage = {
      kind: 'installed',
      viewNo: view.viewNo,
      installed: this.installedNo,
    }
    this.#outbox.push({ kind: 'sendPeer', to, message })
  }

  #noteAnswer(from: NodeId, installed: number): void {
    this.#answers.set(from, Math.max(installed, this.#answers.get(from) ?? 0))
  }

  #keepEarly(from: NodeId, message: PeerMessage): void {
    if (message.kind !== 'installed' || message.viewNo <= (this.#view?.viewNo ?? 0)) return
    if (this.#early.size < EARLY_MESSAGES_MAX) this.#early.set(from, message.installed)
  }

  #pruneAnswers(view: View): void {
    const ids = new Set(view.members.map((member) => member.nodeId))
    for (const node of this.#answers.keys()) if (!ids.has(node)) this.#answers.delete(node)
    for (const [node, installed] of this.#early)
      if (ids.has(node)) this.#noteAnswer(node, installed)
    this.#early.clear()
  }
}
