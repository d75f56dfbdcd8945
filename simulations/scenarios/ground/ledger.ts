/** A list of entries, each of which must be there once, at the most, and once at the least when its caller was told so. */
import { Entity, settings } from 'epicserver'

export class Ledger extends Entity {
  static override settings = settings<Ledger>({
    operations: { addOnce: { idempotent: true } },
  })

  /** How often each entry was added. */
  entries = new Map<string, number>()

  async add(entry: string): Promise<number> {
    this.entries.set(entry, (this.entries.get(entry) ?? 0) + 1)
    return this.entries.size
  }

  /** The same, for callers that repeat after an unknown outcome. */
  async addOnce(entry: string): Promise<number> {
    return this.add(entry)
  }

  async size(): Promise<number> {
    return this.entries.size
  }

  async read(): Promise<ReadonlyMap<string, number>> {
    return new Map(this.entries)
  }
}
