/**
 * What lies between the processes, the engine and the disk: delays with a long tail, losses, duplicates, cuts in either direction.
 *
 * A request that is lost is found out by its sender's timeout, as `Unknown`; so is one that was done and whose answer was lost.
 * A duplicate may come seconds later. Watches lose nothing: they are resumed from where they were, or say `reset`.
 */
import type { Rev } from '@epicserver/contracts'
import type { StoreEffect, StoreReply, WatchReport } from '@epicserver/fabric'
import type { SimEngine } from './engine.ts'
import type { DiskOutcome } from './host.ts'
import type { DiskReply } from './disk.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'

/** How bad the links are. */
export interface Weather {
  loss: number
  duplication: number
  /** How often a message takes long, and how long then. */
  tail: number
  tailMs: number
  /** How often the disk takes very long, and how long at most. */
  diskTail: number
  diskTailMs: number
  /** How often a disk's answer is lost. */
  diskUnknown: number
}

interface Watch {
  readonly node: string
  readonly token: number
  readonly report: (report: WatchReport) => void
  position: Rev
  isWoken: boolean
}

/** The world's links. Nodes are named by their place. */
export class Links {
  readonly #schedule: Schedule
  readonly #random: Random
  readonly #engine: SimEngine
  readonly #watches = new Set<Watch>()
  /** For each process the instant of the list that it read last: what its proposals rest on. */
  readonly #listedAt = new Map<string, number>()
  weather: Weather
  /** Nodes that reach no engine. */
  readonly engineCuts: Set<string> = new Set()
  /** `from>to` pairs of nodes between which nothing passes. */
  readonly peerCuts: Set<string> = new Set()

  constructor(schedule: Schedule, random: Random, engine: SimEngine, weather: Weather) {
    this.#schedule = schedule
    this.#random = random
    this.#engine = engine
    this.weather = weather
  }

  /** Carries a request of a process to the engine and its answer, or a failure, back: exactly one. */
  askEngine(
    node: string,
    process: string,
    effect: StoreEffect,
    done: (reply: StoreReply) => void,
  ): void {
    const { token } = effect
    const listedAt = this.#listedAt.get(process) ?? -Infinity
    let isDone = false
    const finish = (reply: StoreReply): void => {
      if (isDone) return
      isDone = true
      done(reply)
    }
    if (!this.#canReach(node) && this.#random.chance(0.5)) {
      this.#after(1, () => finish({ kind: 'failed', token, code: 'Unavailable' }))
      return
    }
    const attempt = (): void => {
      this.#after(this.#delay(), () => {
        if (!this.#canReach(node) || this.#random.chance(this.weather.loss)) return
        const handledAt = this.#schedule.now
        const reply = this.#engine.handle(effect, listedAt)
        if (this.#random.chance(this.weather.loss)) return
        this.#after(this.#delay(), () => {
          if (!this.#canReach(node) || isDone) return
          if (effect.kind === 'list') this.#listedAt.set(process, handledAt)
          finish(reply)
        })
      })
    }
    attempt()
    if (this.#random.chance(this.weather.duplication)) {
      this.#after(this.#random.between(0, 6_000), attempt)
    }
    this.#after(2_500, () => finish({ kind: 'failed', token, code: 'Unknown' }))
  }

  /** Starts a watch for a process; returns how to end it. */
  watch(
    node: string,
    effect: StoreEffect & { readonly kind: 'watch' },
    report: (report: WatchReport) => void,
  ): () => void {
    const watch: Watch = {
      node,
      token: effect.token,
      report,
      position: effect.from,
      isWoken: false,
    }
    this.#watches.add(watch)
    this.#wake(watch, this.#delay())
    return () => this.#watches.delete(watch)
  }

  /** The engine has changed. */
  handleChange(): void {
    for (const watch of this.#watches) this.#wake(watch, this.#delay())
  }

  /** Carries a message between two nodes, perhaps: not, late, twice. */
  carry(from: string, to: string, deliver: () => void): void {
    const times = this.#random.chance(this.weather.duplication) ? 2 : 1
    for (let i = 0; i < times; i += 1) {
      if (this.#random.chance(this.weather.loss)) continue
      this.#after(this.#delay(), () => {
        if (!this.peerCuts.has(`${from}>${to}`)) deliver()
      })
    }
  }

  /** Carries a request to the disk, and its outcome back: exactly one. */
  askDisk(run: () => DiskReply, done: (outcome: DiskOutcome) => void): void {
    if (this.#random.chance(this.weather.loss)) {
      this.#after(1, () => done({ ok: false, code: 'Unavailable' }))
      return
    }
    const isUnknown = this.#random.chance(this.weather.diskUnknown)
    const isApplied = !isUnknown || this.#random.chance(0.5)
    const { diskTail, diskTailMs } = this.weather
    const slowMs = this.#random.chance(diskTail) ? this.#random.between(0, diskTailMs) : 0
    this.#after(this.#delay() + slowMs, () => {
      const reply = isApplied ? run() : undefined
      this.#after(this.#delay(), () => {
        done(isUnknown || reply === undefined ? { ok: false, code: 'Unknown' } : reply)
      })
    })
  }

  #wake(watch: Watch, delayMs: number): void {
    if (watch.isWoken) return
    watch.isWoken = true
    this.#after(delayMs, () => {
      watch.isWoken = false
      if (!this.#watches.has(watch)) return
      if (!this.#canReach(watch.node)) {
        this.#wake(watch, this.#random.between(50, 200))
        return
      }
      const news = this.#engine.since(watch.position)
      if (news.events.length === 0) return
      watch.position = news.rev
      const isReset = this.#random.chance(0.01)
      if (isReset) this.#watches.delete(watch)
      watch.report({ token: watch.token, events: isReset ? 'reset' : news.events })
    })
  }

  #canReach(node: string): boolean {
    return this.#engine.isUp && !this.engineCuts.has(node)
  }

  #delay(): number {
    const { tail, tailMs } = this.weather
    return this.#random.chance(tail)
      ? this.#random.between(1, tailMs)
      : this.#random.between(0.1, 5)
  }

  #after(delayMs: number, run: () => void): void {
    this.#schedule.after(delayMs, run)
  }
}
