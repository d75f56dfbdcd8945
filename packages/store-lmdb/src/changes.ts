/** What a commit puts and removes, in order. Gathered first, so that nothing can fail while the transaction is being written. */
import type { CommitSize } from '@epicserver/lmdb-link'
import type { Table } from './lmdb-open.ts'

export class Changes {
  readonly #tables: Table[] = []
  readonly #keys: Buffer[] = []
  /** `null` removes. */
  readonly #values: (Uint8Array | null)[] = []
  #bytes = 0

  get count(): number {
    return this.#keys.length
  }

  /** How much is written, roughly. */
  get byteLength(): number {
    return this.#bytes
  }

  get size(): CommitSize {
    return { changes: this.#keys.length, bytes: this.#bytes }
  }

  put(table: Table, key: Buffer, value: Uint8Array): void {
    this.#add(table, key, value)
    this.#bytes += value.length
  }

  remove(table: Table, key: Buffer): void {
    this.#add(table, key, null)
  }

  /** Takes back all that was added after there were `count` changes. */
  takeBack(count: number): void {
    this.#tables.length = count
    this.#keys.length = count
    this.#values.length = count
  }

  /** Writes the changes into the transaction that is being made. */
  apply(): void {
    for (let i = 0; i < this.#keys.length; i += 1) {
      const table = this.#tables[i]!
      const value = this.#values[i]!
      // The transaction answers for all of them; a single one's promise says nothing.
      if (value === null) void table.remove(this.#keys[i]!)
      else void table.put(this.#keys[i]!, value as Buffer)
    }
  }

  #add(table: Table, key: Buffer, value: Uint8Array | null): void {
    this.#tables.push(table)
    this.#keys.push(key)
    this.#values.push(value)
    this.#bytes += key.length
  }
}
