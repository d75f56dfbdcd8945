/**
 * Tells watchers what changed: each from where it is, in order, and only what may be told.
 *
 * A watcher is a place in the log. `deliver` moves every watcher up to a revision; one whose past is gone is told `reset` and
 * leaves. What a handler does meanwhile (close, watch, write) takes effect at the next delivery.
 */
import type { Rev, WatchEvent } from '@epicserver/contracts'
import type { ClusterLog } from './cluster-log.ts'

/** What a watcher is told. */
export type WatchHandler = (events: readonly WatchEvent[] | 'reset') => void

/** A place in the log, from which its owner is told of changes under a prefix. */
export interface Watcher {
  readonly prefix: string
  readonly on: WatchHandler
  rev: Rev
}

export class WatchHub {
  readonly #watchers = new Set<Watcher>()

  get size(): number {
    return this.#watchers.size
  }

  add(watcher: Watcher): void {
    this.#watchers.add(watcher)
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher)
  }

  clear(): void {
    this.#watchers.clear()
  }

  /** Whether a watcher has not been told everything up to a revision. */
  isBehind(to: Rev): boolean {
    for (const { rev } of this.#watchers) if (rev !== to) return true
    return false
  }

  /** Tells each watcher what happened since it was last told, up to and with `to`. */
  deliver(log: ClusterLog, to: Rev): void {
    for (const watcher of [...this.#watchers]) {
      // A handler that ran before may have closed this one.
      if (!this.#watchers.has(watcher) || watcher.rev === to) continue
      const events = eventsFor(watcher, log, to)
      watcher.rev = to
      if (events === 'reset') this.#watchers.delete(watcher)
      if (events === 'reset' || events.length > 0) watcher.on(events)
    }
  }
}

/** A place ahead of the log was never told by it: it is of another store, and its watcher must begin again. */
function eventsFor(watcher: Watcher, log: ClusterLog, to: Rev): readonly WatchEvent[] | 'reset' {
  if (watcher.rev > to) return 'reset'
  return log.changes({ from: watcher.rev, to, prefix: watcher.prefix })
}
