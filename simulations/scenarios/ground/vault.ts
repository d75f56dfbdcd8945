/** Entities under locks: one whose turns must not mix, and one that waits for others in a ring. */
import { Entity, settings, type Ref } from 'epicserver'

export class Vault extends Entity {
  static override settings = settings<Vault>({ lock: 'entity', transient: ['isOpen'] })

  opened = 0
  isOpen = false

  /** Reads, waits, writes: without the lock this would lose counts. */
  async open(): Promise<number> {
    if (this.isOpen) throw new Error(`Two turns are in vault ${this.id}`)
    this.isOpen = true
    const { opened } = this
    await this.sleep(1 + this.random() * 20)
    this.opened = opened + 1
    this.isOpen = false
    return this.opened
  }

  async read(): Promise<number> {
    return this.opened
  }
}

/** Takes its own lock and then those of others, in whatever order it is told. */
export class Diner extends Entity {
  static override settings = settings<Diner>({ lock: 'entity' })

  meals = 0

  async dine(others: readonly Ref<Diner>[]): Promise<void> {
    await this.sleep(this.random() * 5)
    const [next, ...rest] = others
    if (next !== undefined) await next.dine(rest)
    this.meals += 1
  }
}
