/**
 * The cluster's truth with a disk below it: an answer leaves when all that it rests on is durable.
 *
 * Idea: a request changes the state machine at once, so the next one already sees it; its answer waits. One commit at a time takes
 * everything that has changed meanwhile (group commit), and when it is on disk the answers that waited for it leave together and
 * the watchers are told. A read waits as well when something that it may have seen is not durable yet. Only a renewal that succeeds
 * does not wait: it reveals nothing but a lease that was durable before anyone knew its id. A renewal that *fails* waits, because
 * the end of that lease must not be undone by a crash.
 *
 * | what happens | what follows |
 * | --- | --- |
 * | a commit succeeds | its answers leave, watchers are told up to its revision |
 * | a commit fails (disk full) | memory goes back to what the disk says, leases start anew, all that waited is refused: nothing of it was done |
 * | another authority took over, or the disk cannot be read | everything is refused from now on, and `lost` settles |
 *
 * Leases run on a monotonic clock and are not renewed on disk; who opens a truth that was left gives each lease its whole time.
 */
import { ClusterLog, WatchHub } from '@epicserver/cluster-memory'
import type { ClusterDelta, ClusterEngine, Watcher } from '@epicserver/cluster-memory'
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { ClusterStoreLimits, LeaseId, Rec, Rev, Txn, TxnResult } from '@epicserver/contracts'
import type { Clock } from './clock.ts'
import { LMDB_LIMITS } from './limits.ts'
import type { LmdbDisk } from './lmdb-disk.ts'

/** What a {@link DurableCluster} is made of. */
export interface DurableClusterOptions {
  readonly disk: LmdbDisk
  readonly clock: Clock
  readonly historyBytesMax?: number
}

interface Waiting {
  /** Sends the answer that rests on what is durable now. */
  readonly leave: () => void
  readonly refuse: (error: unknown) => void
}

/** Timers of Node cannot be longer; a lease of a day is far below. */
const TICK_MS_MAX = 86_400_000

export class DurableCluster implements ClusterEngine {
  readonly limits: ClusterStoreLimits = LMDB_LIMITS
  /** Settles when this authority is of no use any more: another took over, or its disk is damaged. */
  readonly lost: Promise<EpicError>
  readonly #options: DurableClusterOptions
  readonly #hub = new WatchHub()
  #log: ClusterLog
  #durableRev: Rev
  #waiting: Waiting[] = []
  #isCommitting = false
  #isTelling = false
  #idle: Promise<void> = Promise.resolve()
  #tick: { cancel(): void } | undefined
  #end: EpicError | undefined
  #reportLost!: (error: EpicError) => void

  constructor(options: DurableClusterOptions) {
    this.#options = options
    this.#log = this.#load()
    this.#durableRev = this.#log.rev
    this.lost = new Promise((resolve) => {
      this.#reportLost = resolve
    })
    this.#armTick()
  }

  get(key: string): Promise<Rec | null> {
    return this.#ask((log) => log.get(key))
  }

  list(prefix: string): Promise<{ recs: readonly Rec[]; rev: Rev }> {
    return this.#ask((log) => log.list(prefix))
  }

  txn(txn: Txn): Promise<TxnResult> {
    return this.#ask((log) => log.txn(txn))
  }

  async grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }> {
    const lease = await this.#ask((log) => log.grant(ttlMs, this.#options.clock.now()))
    this.#armTick()
    return lease
  }

  keepAlive(id: LeaseId): Promise<{ ttlMs: number }> {
    return this.#ask((log) => log.keepAlive(id, this.#options.clock.now()), { leavesAtOnce: true })
  }

  revoke(id: LeaseId): Promise<void> {
    return this.#ask((log) => log.revoke(id))
  }

  watch(watcher: Watcher): void {
    this.#hub.add(watcher)
    this.#tellWatchers()
  }

  unwatch(watcher: Watcher): void {
    this.#hub.remove(watcher)
  }

  /** Forgets the past: a watcher that is behind is told `reset`. */
  async dropHistory(): Promise<void> {
    await this.#ask((log) => log.dropHistory())
  }

  /** Waits for what is under way, refuses what comes, and leaves the disk to others. */
  async close(): Promise<void> {
    this.#end ??= new EpicError('Unavailable', 'Cannot use the cluster store: it is closed')
    this.#tick?.cancel()
    await this.#idle
    this.#hub.clear()
    await this.#options.disk.close()
  }

  async #ask<Answer>(
    question: (log: ClusterLog) => Answer,
    options: { leavesAtOnce?: boolean } = {},
  ): Promise<Answer> {
    if (this.#end !== undefined) throw this.#end
    this.#log.handleTick(this.#options.clock.now())
    try {
      const answer = question(this.#log)
      if (options.leavesAtOnce !== true) await this.#durable()
      return answer
    } catch (error) {
      if (isEpicError(error) && error.code === 'LeaseLost') await this.#durable()
      throw error
    }
  }

  /** Resolves when everything that has happened so far is on disk. */
  #durable(): Promise<void> {
    if (!this.#isCommitting && !this.#log.hasDelta) return Promise.resolve()
    const durable = new Promise<void>((leave, refuse) => {
      this.#waiting.push({ leave, refuse })
    })
    this.#commit()
    return durable
  }

  #commit(): void {
    if (this.#isCommitting) return
    this.#isCommitting = true
    this.#idle = this.#commitAll()
  }

  /** Commits until nothing waits. What else this turn brings goes into the first commit. */
  async #commitAll(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0 || this.#log.hasDelta) {
      const delta = this.#log.pollDelta()
      const covered = this.#waiting
      this.#waiting = []
      try {
        await this.#commitOne(delta)
      } catch (error) {
        this.#handleFailure(error, covered)
        continue
      }
      for (const { leave } of covered) leave()
      this.#tellWatchers()
    }
    // In the same turn as the last look at what waits, or a request between the two would wait for ever.
    this.#isCommitting = false
  }

  async #commitOne(delta: ClusterDelta | null): Promise<void> {
    if (delta === null) return
    await this.#options.disk.commit(delta)
    this.#durableRev = delta.rev
  }

  #handleFailure(error: unknown, covered: readonly Waiting[]): void {
    // Those who asked during the failed commit saw what is undone now.
    const refused = [...covered, ...this.#waiting]
    this.#waiting = []
    if (isEpicError(error) && error.code === 'Fenced') this.#handleLoss(error)
    else this.#reload()
    for (const { refuse } of refused) refuse(this.#end ?? error)
  }

  /** Goes back to what the disk says. */
  #reload(): void {
    try {
      this.#log = this.#load()
    } catch (error) {
      this.#handleLoss(error)
    }
  }

  #handleLoss(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#end = new EpicError('Unavailable', message, { cause: error })
    this.#tick?.cancel()
    this.#hub.clear()
    this.#reportLost(this.#end)
  }

  #load(): ClusterLog {
    return new ClusterLog(this.#options.disk.load(), this.#options.clock.now(), this.#options)
  }

  #tellWatchers(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      this.#hub.deliver(this.#log, this.#durableRev)
    })
  }

  /** Wakes when a lease may have expired. Renewals only move that away, so a tick that comes for nothing sets the next. */
  #armTick(): void {
    this.#tick?.cancel()
    this.#tick = undefined
    const waitMs = this.#log.nextExpiryAt - this.#options.clock.now()
    if (this.#end !== undefined || waitMs === Number.POSITIVE_INFINITY) return
    this.#tick = this.#options.clock.setTimer(
      () => this.#handleTick(),
      Math.min(Math.max(Math.ceil(waitMs), 1), TICK_MS_MAX),
    )
  }

  #handleTick(): void {
    this.#log.handleTick(this.#options.clock.now())
    if (this.#log.hasDelta) this.#commit()
    this.#armTick()
  }
}
