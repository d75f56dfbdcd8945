/**
 * The app of the benches `move`, `drain` and `join`, run by `epic run` in processes of its own, asked over its control socket.
 *
 * Drivers call in goes of a fifth of a second, so that a node that drains can move them in between.
 */

import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RunningApp } from '@epicserver/cli'
import type { ClusterStatus, ControlRequest } from '@epicserver/runtime/host'
import { openDataFolder } from '@epicserver/store-lmdb'
import type { Driven } from './moving-app.ts'

export type Kind = 'Walker' | 'Ghost'

/** What calls did while something went on. */
export interface Seen {
  readonly made: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const app = fileURLToPath(new URL('./moving-app.js', import.meta.url))
const DRIVERS = 4
const IN_FLIGHT = 4
const GO_MS = 200
const LOOK_EVERY_MS = 100
/** A call that takes longer than its caller waits would fail. */
const ENTITIES_A_GO = 10_000
/** More processes than cores are under load here: none shall be taken for dead because another had the core. */
const LEASE_MS = 30_000

export interface MovingAppOptions {
  readonly data: string
  readonly processes: number
  /** Into how many pieces the data folder is cut: what a node owns is a number of whole ones. */
  readonly shards: number
}

export class MovingApp {
  readonly #running: RunningApp
  #driven: { readonly kind: Kind; readonly many: number; made: number } = {
    ...{ kind: 'Ghost', many: 0, made: 0 },
  }
  readonly #processes: number
  readonly #shards: number

  static async start({ data, processes, shards }: MovingAppOptions): Promise<MovingApp> {
    await openDataFolder(data, { shards })
    const running = await RunningApp.start({
      ...{ app, data, processes },
      args: ['--production', '--lease-ms', String(LEASE_MS), '--log-level', 'error'],
      onLine: (line) => {
        if (line.includes('"level"')) console.error(line)
      },
    })
    const started = new MovingApp(running, { processes, shards })
    await started.settled()
    return started
  }

  private constructor(running: RunningApp, { processes, shards }: Omit<MovingAppOptions, 'data'>) {
    this.#running = running
    this.#processes = processes
    this.#shards = shards
  }

  async ask(request: ControlRequest): Promise<unknown> {
    const answer = await this.#running.ask(request)
    if (!answer.ok) throw new Error(`${request.ask}: ${answer.error.message}`)
    return answer.value
  }

  async nodes(): Promise<readonly string[]> {
    return (await this.#running.nodes()).flatMap(({ node }) => (node === null ? [] : [node]))
  }

  /** Resolves when so many nodes, or all, share the partitions evenly. */
  async settled(nodes: number = this.#processes): Promise<void> {
    const most = Math.ceil(this.#shards / nodes) * Math.ceil(1024 / this.#shards)
    for (;;) {
      const { membership } = (await this.ask({ ask: 'cluster' })) as ClusterStatus
      const owners = (membership?.members ?? []).filter(({ owns }) => owns > 0)
      if (owners.length === nodes && owners.every(({ owns }) => owns <= most)) return
      await pause(LOOK_EVERY_MS)
    }
  }

  /** Resolves with how many entities the node in a slot has in memory, once they are so many and become no more. */
  async arrivedAt(slot: number, many: number): Promise<number> {
    for (let before = 0; ;) {
      const nodes = await this.#running.nodes()
      const { nodes: figures } = (await this.ask({ ask: 'cluster' })) as ClusterStatus
      const found = figures.find(({ node }) => node === nodes[slot]?.node)
      if (found !== undefined && found.entities >= many && found.entities === before) return before
      before = found?.entities ?? 0
      await pause(LOOK_EVERY_MS)
    }
  }

  /** Makes the entities that are driven from then on. */
  async make(kind: Kind, many: number): Promise<void> {
    this.#driven = { kind, many, made: 0 }
    await this.#inGoes(many, (from, count) => this.#driver(0, 'make', [kind, from, count]))
  }

  /** Drives the entities for as long as something goes on. */
  async driveWhile(during: Promise<unknown>): Promise<Seen> {
    const { kind, many } = this.#driven
    let isOver = false
    const over = during.finally(() => (isOver = true))
    const seen: Driven[] = []
    const drive = async (driver: number): Promise<void> => {
      do {
        seen.push((await this.#driver(driver, 'drive', [kind, many, GO_MS, IN_FLIGHT])) as Driven)
      } while (!isOver)
    }
    await Promise.all([over, ...Array.from({ length: DRIVERS }, (_, driver) => drive(driver))])
    const made = seen.reduce((sum, each) => sum + each.made, 0)
    this.#driven.made += made
    const took = seen.flatMap(({ tookMs }) => tookMs).toSorted((a, b) => a - b)
    return {
      made,
      failed: seen.reduce((sum, each) => sum + each.failed, 0),
      p50Ms: quantile(took, 0.5),
      p99Ms: quantile(took, 0.99),
    }
  }

  /** How many acknowledged calls are missing in the counts, or are in them twice. */
  async lost(): Promise<number> {
    const { kind, many, made } = this.#driven
    let sum = 0
    await this.#inGoes(many, async (from, count) => {
      sum += (await this.#driver(0, 'sum', [kind, from, count])) as number
    })
    return Math.abs(sum - made)
  }

  async #inGoes(
    many: number,
    go: (from: number, count: number) => Promise<unknown>,
  ): Promise<void> {
    for (let from = 0; from < many; from += ENTITIES_A_GO)
      await go(from, Math.min(ENTITIES_A_GO, many - from))
  }

  async stop(): Promise<void> {
    await this.#running.stop()
  }

  async #driver(id: number, operation: string, args: readonly unknown[]): Promise<unknown> {
    return await this.ask({ ask: 'call', type: 'Driver', id: String(id), operation, args })
  }
}

/** The value below which so much of a sorted list lies. */
export function quantile(sorted: readonly number[], share: number): number {
  assert(sorted.length > 0, 'A quantile needs at least one value')
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}
