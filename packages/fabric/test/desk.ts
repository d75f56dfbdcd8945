/** A node's standing for tests: it serves everything, and notes what is told and asked. */
import type { EntityEffect, Place } from '@epicserver/fabric'
import type { EntityStatement } from '#src/peer-message.ts'
import type { Standing } from '#src/standing.ts'

/** What was told to whom. */
export interface Told {
  readonly to: string
  readonly key: string
  readonly statement: EntityStatement
}

/** A standing whose answers a test sets. */
export class Desk implements Standing {
  readonly self: string
  owner: string | undefined = 'o'
  members: Set<string> = new Set(['o', 's', 't', 'h'])
  serves = true
  #told: Told[] = []
  #effects: EntityEffect[] = []
  #epoch = 100n

  constructor(self: string) {
    this.self = self
  }

  /** What was told since the last time. */
  told(): Told[] {
    return this.#told.splice(0)
  }

  /** What was asked of the world since the last time. */
  effects(): EntityEffect[] {
    return this.#effects.splice(0)
  }

  ownerOf(): string | undefined {
    return this.owner
  }

  termOf(): number {
    return 1
  }

  isServing(): boolean {
    return this.serves
  }

  isMember(nodeId: string): boolean {
    return this.members.has(nodeId)
  }

  nextGrantEpoch(): bigint {
    this.#epoch += 1n
    return this.#epoch
  }

  tell(to: string, { key }: Place, statement: EntityStatement): void {
    this.#told.push({ to, key, statement })
  }

  emit(effect: EntityEffect): void {
    this.#effects.push(effect)
  }
}
