/**
 * Measures how busy this node is, for the others to know.
 *
 * What is counted is counted anyway; about once a second the counts are read. Amounts a second are smoothed, so that one busy second calls
 * no entity away. Processor time is the whole process's: its code, its collector of garbage, its sockets.
 */
import type { Load } from '@epicserver/fabric'
import type { EntityNode } from '../node/node.ts'
import type { Pending } from '../node/ports.ts'

export interface LoadMeterParts {
  readonly node: EntityNode
  /** Messages to and from other nodes since the start. */
  readonly messages: () => number
  /** Processor time of this process since its start; without it only bytes and messages count. */
  readonly cpuMs: (() => number) | undefined
  /** How often. */
  readonly everyMs: number
  /** Tells the others. */
  readonly report: (load: Load) => void
}

/** How much of a new amount counts against what was known: after five measurements a change is seen to four fifths. */
const NEWNESS = 0.3

interface Reading {
  readonly at: number
  readonly cpuMs: number
  readonly messages: number
}

export class LoadMeter {
  readonly #parts: LoadMeterParts
  #last: Reading
  #load: Load | undefined
  #next: Pending | undefined

  constructor(parts: LoadMeterParts) {
    this.#parts = parts
    this.#last = this.#read()
  }

  /** How busy this node is; nothing, before it was measured. */
  get load(): Load | undefined {
    return this.#load
  }

  start(): void {
    const { everyMs, node } = this.#parts
    this.#next = node.ports.clock.setTimer(() => {
      this.#measure()
      this.start()
    }, everyMs)
  }

  stop(): void {
    this.#next?.cancel()
  }

  #measure(): void {
    const { node, report } = this.#parts
    const now = this.#read()
    const before = this.#last
    this.#last = now
    const seconds = Math.max(1, now.at - before.at) / 1_000
    const { activations, activationBytes } = node.kernel.counts
    this.#load = {
      cpu: this.#smooth('cpu', (now.cpuMs - before.cpuMs) / 1_000 / seconds),
      messages: this.#smooth('messages', (now.messages - before.messages) / seconds),
      bytes: activationBytes,
      entities: activations,
    }
    report(this.#load)
  }

  #smooth(what: 'cpu' | 'messages', amount: number): number {
    const before = this.#load?.[what] ?? amount
    return Math.max(0, before + (amount - before) * NEWNESS)
  }

  #read(): Reading {
    const { node, messages, cpuMs } = this.#parts
    const at = node.ports.clock.monotonicMs()
    return { at, cpuMs: cpuMs?.() ?? 0, messages: messages() }
  }
}
