/**
 * A node's right to serve: a lease of the cluster store, renewed well before it ends, given up before the store gives it away.
 *
 * Idea: the store promises that a lease lasts at least its TTL from the moment it handled a renewal. The node does not know that
 * moment, but it knows one before it: when it sent the renewal. Counting 0.75 TTL from there ends before the store's TTL does,
 * however slow the answer was, as long as clocks run within a few percent of each other's rate. Past that deadline the node
 * must not serve, so whoever sees the lease gone may take over what it had.
 *
 * Subtle: counting from the answer is the common mistake. A grant that took longer than it is worth is asked for again; the
 * forgotten lease holds no keys and ends by itself.
 *
 * | state | left by | to |
 * | --- | --- | --- |
 * | none | `ask` | asking |
 * | asking | granted in time / too late or failed / — | held / asking, after a pause |
 * | held | renewed / deadline, or the store says so / `stop` | held / lost / none |
 * | lost | — | |
 */
import type { ClusterStoreLimits, LeaseId } from '@epicserver/contracts'
import type { FenceReason, Outbox, StoreReply, Token } from './effects.ts'
import { FAILOVERS_PER_TTL, RENEWALS_PER_TTL, SERVE_SHARE } from './limits.ts'
import type { Mutation } from './mutation.ts'

/** What a lease is asked for with. */
export interface LeaseOptions {
  readonly ttlMs: number
  readonly retryMs: number
  /** Whether the deadline counts: `serve` goes on without the store, protected by the stores' epochs only. */
  readonly onEngineLoss: 'fence' | 'serve'
  readonly mutations: ReadonlySet<Mutation>
}

/** Says in a sentence why a TTL does not fit a cluster store, or `undefined` when it does. */
export function leaseTtlProblem(ttlMs: number, limits: ClusterStoreLimits): string | undefined {
  if (ttlMs < limits.ttlMsMin) {
    return `a lease of ${ttlMs} ms is shorter than the ${limits.ttlMsMin} ms that the cluster store can grant`
  }
  const neededMs = FAILOVERS_PER_TTL * limits.worstFailoverMs + ttlMs / RENEWALS_PER_TTL
  if (ttlMs > neededMs) return undefined
  return (
    `a lease of ${ttlMs} ms does not outlast the cluster store's own fail-over: ` +
    `${FAILOVERS_PER_TTL} times ${limits.worstFailoverMs} ms and a renewal are ${Math.ceil(neededMs)} ms`
  )
}

/** One lease, from its grant to its end. */
export class Lease {
  readonly #outbox: Outbox
  readonly #options: LeaseOptions
  readonly #renewals = new Map<Token, number>()
  #id: LeaseId | undefined
  #ttlMs: number
  #grant: { readonly token: Token; readonly sentAt: number } | undefined
  #nextSendAt = Infinity
  #deadlineMs = -Infinity
  #isGone = false

  constructor(outbox: Outbox, options: LeaseOptions) {
    this.#outbox = outbox
    this.#options = options
    this.#ttlMs = options.ttlMs
  }

  get id(): LeaseId | undefined {
    return this.#id
  }

  /** The instant before which the node may serve. */
  get deadlineMs(): number {
    return this.#options.onEngineLoss === 'serve' && this.#id !== undefined
      ? Infinity
      : this.#deadlineMs
  }

  get wakeAtMs(): number {
    const deadlineMs = this.#id === undefined || this.#ignoresDeadline ? Infinity : this.deadlineMs
    return Math.min(this.#nextSendAt, deadlineMs)
  }

  ask(now: number): void {
    const token = this.#outbox.nextToken()
    this.#grant = { token, sentAt: now }
    this.#nextSendAt = Infinity
    this.#outbox.push({ kind: 'grant', token, ttlMs: this.#options.ttlMs })
  }

  /** Ends renewals; the caller revokes the lease or lets it run out. */
  stop(): void {
    this.#nextSendAt = Infinity
    this.#renewals.clear()
    this.#grant = undefined
  }

  /** The store said, in whatever answer, that the lease is gone. */
  markGone(): void {
    this.#isGone = true
  }

  canServe(now: number): boolean {
    if (this.#isGone || this.#id === undefined) return false
    return this.#ignoresDeadline || now < this.deadlineMs
  }

  /** Why the holder must stop for good, if it must. */
  fenceReason(now: number): FenceReason | undefined {
    if (this.#isGone) return 'leaseLost'
    return this.#id === undefined || this.canServe(now) ? undefined : 'deadline'
  }

  /** Whether the reply was meant for the lease. */
  handleReply(reply: StoreReply, now: number): boolean {
    if (reply.token === this.#grant?.token) this.#handleGrant(reply, this.#grant.sentAt, now)
    else if (this.#renewals.has(reply.token)) this.#handleRenewal(reply, now)
    else return false
    return true
  }

  handleTick(now: number): void {
    if (now < this.#nextSendAt) return
    if (this.#id === undefined) this.ask(now)
    else this.#renew(this.#id, now)
  }

  get #ignoresDeadline(): boolean {
    return this.#options.mutations.has('noSelfFence')
  }

  #handleGrant(reply: StoreReply, sentAt: number, now: number): void {
    this.#grant = undefined
    if (reply.kind !== 'granted') {
      this.#nextSendAt = now + this.#options.retryMs
      return
    }
    const deadlineMs = this.#deadlineFor(sentAt, now, reply.ttlMs)
    if (now >= deadlineMs) {
      this.ask(now)
      return
    }
    this.#id = reply.id
    this.#ttlMs = reply.ttlMs
    this.#deadlineMs = deadlineMs
    this.#nextSendAt = sentAt + this.#ttlMs / RENEWALS_PER_TTL
  }

  #handleRenewal(reply: StoreReply, now: number): void {
    const sentAt = this.#renewals.get(reply.token) ?? -Infinity
    this.#renewals.delete(reply.token)
    if (reply.kind === 'renewed') {
      const deadlineMs = this.#deadlineFor(sentAt, now, reply.ttlMs)
      this.#deadlineMs = Math.max(this.#deadlineMs, deadlineMs)
    } else if (reply.kind === 'failed' && reply.code === 'LeaseLost') {
      this.#isGone = true
    } else {
      this.#nextSendAt = Math.min(this.#nextSendAt, now + this.#options.retryMs)
    }
  }

  #deadlineFor(sentAt: number, now: number, ttlMs: number): number {
    const from = this.#options.mutations.has('deadlineFromResponse') ? now : sentAt
    return from + ttlMs * SERVE_SHARE
  }

  /** Does not wait for the renewal before: one lost answer must not cost the lease. */
  #renew(lease: LeaseId, now: number): void {
    const token = this.#outbox.nextToken()
    this.#renewals.set(token, now)
    this.#nextSendAt = now + this.#ttlMs / RENEWALS_PER_TTL
    this.#outbox.push({ kind: 'keepAlive', token, lease })
  }
}
