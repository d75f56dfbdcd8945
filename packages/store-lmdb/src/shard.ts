/** The parts of an open shard, as the requests of `entity-jobs.ts` need them. */
import { DueTasks } from './due-tasks.ts'
import type { StrayTask } from './due-tasks.ts'
import type { Environment } from './environment.ts'
import { GroupCommit } from './group-commit.ts'
import { IndexCatalog } from './index-catalog.ts'
import { Quarantine } from './quarantine.ts'
import type { Damage } from './found-records.ts'
import { RecordTable } from './record-table.ts'
import { Subject, Subjects } from './subjects.ts'

export class Shard {
  readonly environment: Environment
  readonly commits: GroupCommit
  readonly quarantine: Quarantine
  readonly records: RecordTable
  readonly catalog: IndexCatalog
  readonly tasks: DueTasks
  readonly subjects: Subjects = new Subjects()
  readonly #sweeping = new Subject()
  #isSweeping = false
  #isClosed = false

  /** @param onDamage - told of each record that is found damaged */
  constructor(environment: Environment, onDamage?: (damage: Damage) => void) {
    this.environment = environment
    this.commits = new GroupCommit(environment)
    this.quarantine = new Quarantine(environment, this.commits, onDamage)
    this.records = new RecordTable(environment, this.quarantine)
    this.catalog = new IndexCatalog(environment)
    this.tasks = new DueTasks(environment, (stray) => this.#removeStray(stray))
  }

  /** Sweeps what dropped indexes left behind, a commit after the other, as long as there is any. */
  sweep(): void {
    if (this.#isSweeping || this.#isClosed) return
    this.#isSweeping = true
    let hasMore = false
    this.commits.add({
      subject: this.#sweeping,
      prepare: (changes) => {
        hasMore = this.catalog.sweep(changes)
      },
      handleDone: () => {
        this.#isSweeping = false
        if (hasMore) this.sweep()
      },
      answer: () => undefined,
      // It is begun again when the shard is opened the next time, or another index is dropped.
      handleFailed: () => {
        this.#isSweeping = false
      },
    })
  }

  /** Resolves when all that was asked for is durable, and the environment is closed. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.commits.close()
    await this.environment.close()
  }

  #removeStray(stray: StrayTask): void {
    this.commits.add({
      subject: new Subject(),
      prepare: (changes) => this.tasks.removeStray(changes, stray),
      handleDone: () => undefined,
      answer: () => undefined,
      // The next question for tasks meets it again.
      handleFailed: () => undefined,
    })
  }
}
