/**
 * Increments without pause: so many under way at any time, each to a counter chosen at random, until told to stop.
 *
 * An idempotent increment is repeated under its number until it is acknowledged, however often its outcome was unknown. One that is
 * not idempotent is repeated only where it certainly did not happen. Whoever hears nothing for half a minute counts as unanswered.
 */
import type { RunningApp } from '@epicserver/cli'
import type { SeededRandom } from '@epicserver/testkit'
import type { Told } from './counters-app.ts'
import type { CounterPage, Increment } from './ledger.ts'

/** What is asked of the app, and what it answers. */
export type Question = Parameters<RunningApp['ask']>[0]
export type Answered = Awaited<ReturnType<RunningApp['ask']>>

/** Where the app can be asked, wherever it runs at the moment. */
export interface AppSource {
  ask(question: Question): Promise<Answered>
}

export interface LoadOptions {
  readonly source: AppSource
  readonly pages: readonly CounterPage[]
  readonly inFlight: number
  readonly random: SeededRandom
  /** Whom every second of those under way leaves alone, so that not all wait for what is harmed. */
  readonly isAvoided?: ((page: CounterPage) => boolean) | undefined
  /** Told of each increment that was acknowledged at the first attempt, with the process that its counter was in before. */
  readonly onAnswer?: (answer: {
    readonly startedAt: number
    readonly tookMs: number
    readonly homeBefore: number | undefined
    readonly pid: number
  }) => void
  /** Told of each increment that has its outcome, whichever. */
  readonly onOutcome?: (outcome: IncrementOutcome) => void
}

/** How an increment went, over all its attempts. */
export interface IncrementOutcome {
  readonly page: CounterPage
  readonly startedAt: number
  readonly tookMs: number
  /** The codes of the attempts that failed. */
  readonly failures: readonly string[]
}

/** What one attempt brought. */
export type Attempt = { readonly kind: 'told'; readonly told: Told } | FailedAttempt

interface FailedAttempt {
  readonly kind: 'failed'
  readonly retry: 'never' | 'safe' | 'unknown'
  readonly code: string
  readonly message: string
}

const UNANSWERED_AFTER_MS = 30_000
/** More of one caller's calls would wait for each other's numbers. */
const OPEN_PER_COUNTER_MAX = 8
const PAUSE_MS = 5
/** Enough to know a reason by. */
const REASON_CHARS_MAX = 200

export class Load {
  readonly #options: LoadOptions
  readonly #workers: Promise<void>[]
  readonly #failures = new Tally()
  readonly #reasons = new Tally()
  #isStopping = false
  calls = 0
  unanswered = 0
  /** Increments that ended without an acknowledgement: certainly not done, or nobody knows. */
  failed = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#workers = Array.from({ length: options.inFlight }, (_, index) =>
      this.#work(index % 2 === 1),
    )
  }

  /** Failed attempts by code. */
  get failures(): Readonly<Record<string, number>> {
    return this.#failures.counts
  }

  /** Failed attempts by what was said, without what differs from one to the next. */
  get reasons(): Readonly<Record<string, number>> {
    return this.#reasons.counts
  }

  /** Begins nothing new; resolves when all that is under way has its outcome. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#workers)
  }

  async #work(isAvoiding: boolean): Promise<void> {
    const { random, pages, isAvoided } = this.#options
    while (!this.#isStopping) {
      const page = random.pick(pages)
      const isFree = page.openCount < OPEN_PER_COUNTER_MAX
      if (isFree && !(isAvoiding && isAvoided?.(page) === true)) await this.#increment(page.begin())
      else await pause(isFree ? 0 : PAUSE_MS)
    }
  }

  async #increment(increment: Increment): Promise<void> {
    const { counter } = increment
    const startedAt = performance.now()
    const homeBefore = counter.pid
    const until = startedAt + UNANSWERED_AFTER_MS
    const failures: string[] = []
    this.calls += 1
    for (;;) {
      const attempt = await attemptTo(this.#options.source, 'add', increment)
      const tookMs = performance.now() - startedAt
      if (attempt.kind === 'told') {
        counter.pid = attempt.told.pid
        counter.acknowledge(increment, attempt.told.count)
        if (failures.length === 0)
          this.#options.onAnswer?.({ startedAt, tookMs, homeBefore, pid: counter.pid })
        if (performance.now() > until) this.unanswered += 1
      } else {
        failures.push(attempt.code)
        this.#failures.add(attempt.code)
        this.#reasons.add(`${attempt.code}: ${withoutParticulars(attempt.message)}`)
        if (isRepeatable(increment, attempt) && performance.now() <= until) {
          await pause(PAUSE_MS)
          continue
        }
        this.#handleEnd(increment, attempt)
      }
      this.#options.onOutcome?.({ page: counter, startedAt, tookMs, failures })
      return
    }
  }

  /** It will not be repeated. */
  #handleEnd(increment: Increment, attempt: FailedAttempt): void {
    if (isRepeatable(increment, attempt)) this.unanswered += 1
    else this.failed += 1
    if (attempt.retry === 'safe') increment.counter.refuse(increment)
    else increment.counter.giveUp(increment)
  }
}

/** How often each of some words was met. */
class Tally {
  readonly #counts = new Map<string, number>()

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  add(word: string): void {
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1)
  }
}

function isRepeatable({ counter }: Increment, { retry }: FailedAttempt): boolean {
  return retry === 'safe' || (retry === 'unknown' && counter.type === 'Counter')
}

/** A message without names, ids and numbers, so that equal reasons are counted together. */
function withoutParticulars(message: string): string {
  return message.replaceAll(/"[^"]*"|\b(?=\w*\d)\w[\w.:/-]*/g, '…').slice(0, REASON_CHARS_MAX)
}

/** Asks a counter once. */
export async function attemptTo(
  source: AppSource,
  operation: 'add' | 'read',
  { counter, number }: Pick<Increment, 'counter'> & Partial<Increment>,
): Promise<Attempt> {
  const { type, id } = counter
  try {
    const answer = await source.ask({
      ask: 'call',
      type,
      id,
      operation,
      args: [],
      ...(number !== undefined && { number }),
    })
    if (answer.ok) return { kind: 'told', told: answer.value as Told }
    const { code = answer.error.name, retry = 'unknown', message } = answer.error
    return { kind: 'failed', code, message, retry: retry as 'never' | 'safe' | 'unknown' }
  } catch (error) {
    // The connection ended under the question.
    const { code = 'Error', message } = error as {
      readonly code?: string
      readonly message: string
    }
    return { kind: 'failed', code, message, retry: code === 'Unavailable' ? 'safe' : 'unknown' }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
