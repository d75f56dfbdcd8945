/**
 * Tells watchers what changed: fetches the changes that they have not seen from the database and hands each its own.
 *
 * It fetches when the database notifies, after each tick that shows a revision not yet seen (a notification may be lost with its
 * connection), and when a watcher comes. One fetch at a time serves all watchers, beginning with the one that is furthest behind; a
 * fetch never ends inside a revision.
 *
 * `reset` goes to who is behind what is kept, to who is ahead of it (the database was put back to an older state), and to everyone
 * when the schema was made anew.
 */
import type { Rev, WatchEvent } from '@epicserver/contracts'

/** A place in the history of changes. */
export interface Watcher {
  readonly prefix: string
  readonly on: (events: readonly WatchEvent[] | 'reset') => void
  rev: Rev
}

/** What a fetch found: the changes from what was asked for up to `to`, all of them unless that was below `floor`. */
export interface Fetched {
  readonly storeId: string
  /** The newest revision there is. */
  readonly rev: Rev
  /** What was at this revision and before is no longer kept. */
  readonly floor: Rev
  readonly to: Rev
  readonly events: readonly WatchEvent[]
}

/** What a {@link ChangeFeed} is made of. */
export interface ChangeFeedOptions {
  /** Fetches the changes after a revision, some at a time. */
  readonly fetch: (from: Rev) => Promise<Fetched>
}

export class ChangeFeed {
  readonly #options: ChangeFeedOptions
  readonly #watchers = new Set<Watcher>()
  #storeId: string | undefined
  #isFetching = false
  #isStale = false

  constructor(options: ChangeFeedOptions) {
    this.#options = options
  }

  add(watcher: Watcher): void {
    this.#watchers.add(watcher)
    this.handleChange()
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher)
  }

  clear(): void {
    this.#watchers.clear()
  }

  /** A tick has shown where the history is. */
  handleTick(storeId: string, rev: Rev): void {
    const isBehind = [...this.#watchers].some((watcher) => watcher.rev !== rev)
    if (isBehind || (this.#storeId !== undefined && this.#storeId !== storeId)) this.handleChange()
  }

  /** Something has changed, or may have. */
  handleChange(): void {
    this.#isStale = true
    if (!this.#isFetching) void this.#fetchAll()
  }

  async #fetchAll(): Promise<void> {
    this.#isFetching = true
    while (this.#isStale && this.#watchers.size > 0) {
      this.#isStale = false
      // Whoever comes during the fetch may know of later changes than it finds: the next one is for those.
      const watchers = [...this.#watchers]
      try {
        const fetched = await this.#options.fetch(furthestBehind(watchers))
        this.#tell(watchers, fetched)
        if (fetched.to < fetched.rev) this.#isStale = true
      } catch {
        // The database cannot be reached now. The next tick that reaches it shows what was missed.
        break
      }
    }
    this.#isFetching = false
  }

  #tell(watchers: readonly Watcher[], fetched: Fetched): void {
    const isAnother = this.#storeId !== undefined && this.#storeId !== fetched.storeId
    this.#storeId = fetched.storeId
    for (const watcher of isAnother ? [...this.#watchers] : watchers) {
      // It may have been closed meanwhile.
      if (!this.#watchers.has(watcher)) continue
      if (isAnother || watcher.rev < fetched.floor || watcher.rev > fetched.rev)
        this.#reset(watcher)
      else this.#report(watcher, fetched)
    }
  }

  #report(watcher: Watcher, { events, to }: Fetched): void {
    const news = events.filter((event) => {
      return revOf(event) > watcher.rev && keyOf(event).startsWith(watcher.prefix)
    })
    if (to > watcher.rev) watcher.rev = to
    if (news.length > 0) watcher.on(news)
  }

  #reset(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    watcher.on('reset')
  }
}

function furthestBehind(watchers: readonly Watcher[]): Rev {
  const [first, ...others] = watchers.map((watcher) => watcher.rev)
  return others.reduce((least, rev) => (rev < least ? rev : least), first ?? 0n)
}

function revOf(event: WatchEvent): Rev {
  return event.kind === 'put' ? event.rec.rev : event.rev
}

function keyOf(event: WatchEvent): string {
  return event.kind === 'put' ? event.rec.key : event.key
}
