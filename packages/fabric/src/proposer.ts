/**
 * Proposes the next view when the records say that there should be one.
 *
 * Any member may propose: a view is changed by compare-and-set, so of two proposals one wins and the other is planned anew.
 * The master proposes at once; the others wait, and step in where the master does not act. Mastership is a record under a lease
 * that spares the cluster the contention; it is no part of safety, and its revision serves as its term. When the master itself has
 * died, its deputy (the first of the view's members that live) proposes what follows from that, without waiting for a seat first:
 * the entities that died with it come back as soon as anybody else's would.
 *
 * Before it proposes, it lists the records: only leases that lived after the decision count. What came of a proposal is
 * read from the store, never concluded from the answer alone.
 *
 * | state | left by | to |
 * | --- | --- | --- |
 * | idle | a plan that is due | listing |
 * | listing | listed, still a plan / no plan any more | committing / idle |
 * | committing | committed / refused or unknown / certainly not applied | idle once the mirror shows it / idle once listed / idle after a pause |
 */
import type { Cmp, Rev } from '@epicserver/contracts'
import type { Outbox, StoreReply, Token } from './effects.ts'
import type { Mirror, RecordKeys } from './mirror.ts'
import { needOf, planFor } from './plan.ts'
import type { Need, Plan, PlanOptions } from './plan.ts'
import { encodeView } from './view.ts'

/** The pace of proposals. */
export interface ProposerOptions extends PlanOptions {
  readonly keys: RecordKeys
  readonly retryMs: number
  /** The first view of a cluster that starts waits for so many members, but not longer than this. */
  readonly coldStart: { readonly members: number; readonly waitMs: number }
  /** Joins within this time go into one view. */
  readonly joinSettleMs: number
  /** The least time between two views that only move partitions. */
  readonly rebalanceEveryMs: number
  /** How long those who are not master wait; drawn anew for each proposal between this and twice this. */
  readonly fallbackMs: number
  readonly random: () => number
}

/** What a member is to the others: who proposes at once, who does in the master's absence, and who waits. */
export type ProposerRole = 'master' | 'deputy' | 'other'

type Phase =
  | { readonly at: 'idle' }
  | { readonly at: 'listing'; readonly token: Token }
  | { readonly at: 'committing'; readonly token: Token }

/** Keeps the view as the records say it should be. */
export class Proposer {
  readonly #outbox: Outbox
  readonly #mirror: Mirror
  readonly #options: ProposerOptions
  #phase: Phase = { at: 'idle' }
  /** Looked for anew after each change. */
  #needed: { readonly changes: number; readonly need: Need | undefined } | undefined
  #planned: { readonly need: Need; readonly plan: Plan | undefined } | undefined
  #viewRev: Rev | undefined
  #viewSeenAt = -Infinity
  #wantedAt: number | undefined
  #fallbackMs = 0
  #awaitedRev: Rev = -1n
  #awaitedList: Token = -1
  #retryAt = -Infinity
  #wakeAtMs = Infinity

  constructor(outbox: Outbox, mirror: Mirror, options: ProposerOptions) {
    this.#outbox = outbox
    this.#mirror = mirror
    this.#options = options
  }

  get wakeAtMs(): number {
    return this.#wakeAtMs
  }

  handleReply(reply: StoreReply, now: number): boolean {
    if (this.#phase.at !== 'committing' || reply.token !== this.#phase.token) return false
    this.#phase = { at: 'idle' }
    if (reply.kind === 'committed' && reply.ok) {
      this.#awaitedRev = reply.rev
    } else if (
      reply.kind === 'committed' ||
      (reply.kind === 'failed' && reply.code === 'Unknown')
    ) {
      this.#awaitedList = this.#mirror.refresh(now)
    } else {
      this.#retryAt = now + this.#options.retryMs
    }
    return true
  }

  /** Looks whether a view is to be proposed, and goes one step towards it. */
  advance(role: ProposerRole, now: number): void {
    this.#wakeAtMs = Infinity
    this.#noteView(now)
    if (this.#phase.at === 'committing' || !this.#hasCaughtUp) return
    const need = this.#need(role)
    if (need === undefined) {
      this.#wantedAt = undefined
      this.#phase = { at: 'idle' }
      return
    }
    if (this.#phase.at === 'idle') {
      const dueAt = this.#dueAt(need, role, now)
      if (now < dueAt) {
        this.#wakeAtMs = dueAt
        return
      }
      this.#phase = { at: 'listing', token: this.#mirror.refresh(now) }
    }
    if (this.#mirror.listedToken < this.#phase.token) return
    const plan = this.#plan(need)
    if (plan !== undefined) this.#propose(plan)
  }

  get #hasCaughtUp(): boolean {
    return (
      this.#mirror.rev >= 0n &&
      this.#mirror.rev >= this.#awaitedRev &&
      this.#mirror.listedToken >= this.#awaitedList
    )
  }

  /** A new view starts the clocks of what is wanted next. */
  #noteView(now: number): void {
    const rev = this.#mirror.record(this.#options.keys.view)?.rev
    if (rev === this.#viewRev) return
    this.#viewRev = rev
    this.#viewSeenAt = now
    this.#wantedAt = undefined
  }

  /** What there is to propose for one of this role. That nothing needs to move is only worth the master's work. */
  #need(role: ProposerRole): Need | undefined {
    const { changes } = this.#mirror
    if (this.#needed?.changes !== changes) this.#needed = { changes, need: this.#look() }
    const { need } = this.#needed
    if (need?.why !== 'balance') return need
    return role === 'master' && this.#plan(need) !== undefined ? need : undefined
  }

  #look(): Need | undefined {
    const decoded = this.#mirror.view
    if (decoded?.ok === false) return undefined
    return needOf(decoded?.view, this.#mirror.members.values())
  }

  #plan(need: Need): Plan | undefined {
    if (this.#planned?.need !== need) this.#planned = { need, plan: planFor(need, this.#options) }
    return this.#planned.plan
  }

  #dueAt(need: Need, role: ProposerRole, now: number): number {
    const { coldStart, joinSettleMs, rebalanceEveryMs, fallbackMs, random } = this.#options
    if (this.#wantedAt === undefined) {
      this.#wantedAt = now
      this.#fallbackMs = fallbackMs * (1 + random())
    }
    let dueAt = this.#wantedAt
    if (need.why === 'change') dueAt += joinSettleMs
    if (need.why === 'balance') dueAt = Math.max(dueAt, this.#viewSeenAt + rebalanceEveryMs)
    if (need.why === 'coldStart' && need.members.length < coldStart.members) {
      dueAt += coldStart.waitMs
    }
    const actsAtOnce = role === 'master' || (role === 'deputy' && need.why === 'death')
    if (!actsAtOnce) dueAt += this.#fallbackMs
    return Math.max(dueAt, this.#retryAt)
  }

  #propose(plan: Plan): void {
    const key = this.#options.keys.view
    const record = this.#mirror.record(key)
    const condition: Cmp =
      record === undefined ? { key, is: 'missing' } : { key, is: 'at', rev: record.rev }
    const token = this.#outbox.nextToken()
    this.#phase = { at: 'committing', token }
    this.#outbox.push({
      kind: 'txn',
      token,
      txn: { if: [condition], then: [{ op: 'put', key, value: encodeView(plan.view) }] },
    })
  }
}
