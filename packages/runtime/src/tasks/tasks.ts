/** Durable tasks as an entity's code sees them: saved with the entity, waking it wherever it lives, at least once. */

/** What happens to times that passed while nobody could fire them. */
export type CatchUp = 'once' | 'all' | 'skip'

/** What a task does and when: exactly one of `everyMs`, `at` and `cron`. */
export interface TaskSettings {
  /** The operation of this entity to call. */
  readonly operation: string
  /** What it is called with. */
  readonly args?: readonly unknown[]
  /** Again and again, first after so long. */
  readonly everyMs?: number
  /** One instant: milliseconds since 1970, or a date. */
  readonly at?: number | Date
  /** A cron expression of five or six fields. */
  readonly cron?: string
  /** The time zone of `cron`, by its IANA name; UTC without one. */
  readonly timeZone?: string
  /** For missed times: fire once (the default), each of them, or not at all. */
  readonly catchUp?: CatchUp
}

/** The durable tasks of an entity, by key: `this.task`. */
export interface EntityTasks {
  /** Sets a task; one of the same key is replaced. It is durable with the entity's state: before the operation's reply leaves. */
  set(key: string, task: TaskSettings): void
  /** Takes a task back; where there is none, nothing happens. */
  cancel(key: string): void
}
