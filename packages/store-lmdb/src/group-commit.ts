/**
 * Brings all that wait into one commit, and the next while that is on its way.
 *
 * A job is prepared just before its commit, when no other is under way: it looks at what is durable, checks its guard, and says what to
 * write. Two jobs of one subject never share a commit, so what a job saw is still so when it is written; the second waits for the next
 * one, and whatever else concerns its subject waits behind it. A job that is refused, or has nothing to write, takes no place.
 *
 * States: idle → gathering (until the turn ends, so that one commit takes all that a turn asks for) → committing → idle; a full disk
 * makes a pause before the next try; ended, by being closed, fenced off or broken, is for good.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import { Changes } from './changes.ts'
import type { Environment } from './environment.ts'
import { COMMIT_BYTES_MAX, FULL_DISK_PAUSE_MS } from './limits.ts'
import { readError } from './storage-error.ts'
import type { Subject } from './subjects.ts'

/** A request that is done in a commit. */
export interface Job {
  /** What it concerns; jobs of one subject take effect in the order in which they were added. */
  readonly subject: Subject
  /** Has a commit to itself: it changes how others are prepared. */
  readonly isAlone?: boolean
  /** Says what to write. It must not wait; what it throws refuses the job. */
  prepare(changes: Changes): void
  /** It is durable: what the next is prepared against must know. */
  handleDone(): void
  /** Whoever asked may know, too. */
  answer(): void
  /** It was refused, or its commit failed. */
  handleFailed(error: unknown): void
}

export class GroupCommit {
  readonly #environment: Environment
  #waiting: Job[] = []
  #state: 'idle' | 'gathering' | 'committing' = 'idle'
  #end: (() => EpicError) | undefined
  #whenIdle: (() => void)[] = []
  #isPausing = false
  /** Numbers what is prepared together. */
  #batch = 0

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** Adds a job; it is answered through its own methods. */
  add(job: Job): void {
    if (this.#end !== undefined) {
      const refusal = this.#end()
      queueMicrotask(() => job.handleFailed(refusal))
      return
    }
    this.#waiting.push(job)
    this.#gather()
  }

  /** Resolves when nothing waits any more; what is added after that is refused. */
  async close(): Promise<void> {
    const { path } = this.#environment
    if (this.#state !== 'idle') await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    this.#end ??= () => new EpicError('Unavailable', `Cannot write to ${path}: it is closed`)
  }

  #gather(): void {
    if (this.#state !== 'idle') return
    this.#state = 'gathering'
    const run = (): void => void this.#run()
    if (this.#isPausing) setTimeout(run, FULL_DISK_PAUSE_MS)
    else setImmediate(run)
  }

  /** Commit after commit, as long as anything waits: the next is on its way before the callers of the last are answered. */
  async #run(): Promise<void> {
    this.#state = 'committing'
    let next = this.#start()
    for (;;) {
      const { jobs } = next
      const failure = await next.failure
      this.#isPausing = failure?.code === 'StoreFull'
      if (failure === undefined) for (const job of jobs) job.handleDone()
      else this.#endAfter(failure)
      const isNextStarted = this.#waiting.length > 0 && !this.#isPausing
      if (isNextStarted) next = this.#start()
      for (const job of jobs) {
        if (failure === undefined) job.answer()
        else job.handleFailed(failure)
      }
      if (!isNextStarted) break
    }
    this.#state = 'idle'
    if (this.#waiting.length > 0) this.#gather()
    else for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #start(): { readonly jobs: readonly Job[]; readonly failure: Promise<EpicError | undefined> } {
    const changes = new Changes()
    const jobs = this.#prepare(changes)
    return { jobs, failure: this.#commit(changes) }
  }

  /** Takes from what waits the jobs of the next commit, and gathers their changes. */
  #prepare(changes: Changes): Job[] {
    const jobs: Job[] = []
    const later: Job[] = []
    this.#batch += 1
    let isFull = false
    for (const job of this.#waiting) {
      isFull ||= changes.byteLength > COMMIT_BYTES_MAX || (job.isAlone === true && jobs.length > 0)
      if (isFull || job.subject.changedIn === this.#batch) {
        job.subject.changedIn = this.#batch
        later.push(job)
        continue
      }
      isFull = job.isAlone === true
      if (this.#prepareJob(job, changes)) jobs.push(job)
    }
    this.#waiting = later
    return jobs
  }

  /** Whether the job was not refused. */
  #prepareJob(job: Job, changes: Changes): boolean {
    const before = changes.count
    try {
      job.prepare(changes)
    } catch (error) {
      changes.takeBack(before)
      const { path } = this.#environment
      job.handleFailed(readError(`read ${path}`, path, error))
      return false
    }
    if (changes.count > before) job.subject.changedIn = this.#batch
    return true
  }

  /** What kept the changes from being durable; nothing, when they are. */
  async #commit(changes: Changes): Promise<EpicError | undefined> {
    try {
      if (changes.count > 0) await this.#environment.commit(() => changes.apply(), changes.size)
      else if (!this.#environment.isOwned()) return this.#environment.fenced()
      return undefined
    } catch (error) {
      if (isEpicError(error)) return error
      throw error
    }
  }

  /** Whoever was fenced off will never write again, nor will anyone to a broken environment. */
  #endAfter(failure: EpicError): void {
    if (failure.code === 'Fenced') this.#end = () => this.#environment.fenced()
    else if (this.#environment.isBroken) this.#end = () => this.#environment.broken()
    if (this.#end === undefined) return
    for (const job of this.#waiting.splice(0)) job.handleFailed(this.#end())
  }
}
