/**
 * The heads of records that were written lately, so that the next write need not read them: what an entity in use has on disk is what
 * this process wrote there last.
 *
 * Two generations: when the young one is full it becomes the old one, and what is asked for comes back from there. Bounded, and no
 * list to keep in order.
 */
import { REMEMBERED_HEADS } from './limits.ts'
import type { RecordHead } from './record.ts'

export class RememberedHeads {
  #young = new Map<string, RecordHead>()
  #old = new Map<string, RecordHead>()
  readonly #size: number

  constructor(size: number = REMEMBERED_HEADS) {
    this.#size = size
  }

  get(name: string): RecordHead | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old !== undefined) this.set(name, old)
    return old
  }

  set(name: string, head: RecordHead): void {
    if (this.#young.size >= this.#size && !this.#young.has(name)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, head)
  }

  delete(name: string): void {
    this.#young.delete(name)
    this.#old.delete(name)
  }
}
