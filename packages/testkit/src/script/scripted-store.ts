/** The state store of a script: keeps what is saved, tells of each save, and may let the test decide what becomes of it. */
import type { EntityId, Guard, Write } from '@epicserver/contracts'
import { type MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'

/** One save, as it reached the store. */
export interface Save {
  readonly bytes: Uint8Array | undefined
  /** Whether it was done or failed; otherwise the test decides. */
  isSettled: boolean
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

export class ScriptedStore extends MemoryStateStore {
  /** Saves that no expectation has taken yet. */
  readonly saves: Save[] = []
  readonly #isHeld: boolean

  constructor(disk: MemoryDisk, isHeld: boolean) {
    super({ disk })
    this.#isHeld = isHeld
  }

  override async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    await this.#decision(write.bytes)
    return super.write(entity, guard, write)
  }

  #decision(bytes: Uint8Array | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const save: Save = {
        bytes,
        isSettled: !this.#isHeld,
        done: () => {
          save.isSettled = true
          resolve()
        },
        fail: (error) => {
          save.isSettled = true
          reject(error as Error)
        },
      }
      this.saves.push(save)
      if (!this.#isHeld) resolve()
    })
  }
}
