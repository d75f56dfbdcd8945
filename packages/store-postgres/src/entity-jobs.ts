/** Requests that may change an entity: what each asks of the database, and how each is answered. */
import {
  checkEntityId,
  checkGuard,
  checkIndexEntries,
  checkWrite,
  EpicError,
  formatEntityId,
  formatEpoch,
  partitionOf,
} from '@epicserver/contracts'
import type { Claimed, EntityId, Guard, IndexEntry, TaskChange, Write } from '@epicserver/contracts'
import { KINDS } from './apply-function.ts'
import type { Kind } from './apply-function.ts'

/** What the database says of a request. */
export interface Outcome {
  readonly isDone: boolean
  /** What is stored, or stands in the way; nothing, where nothing is saved. */
  readonly epoch: bigint | undefined
  readonly version: bigint | undefined
  readonly state: Uint8Array | null
}

/** A request as a batch sees it. */
export interface Job {
  readonly kind: Kind
  readonly entity: EntityId
  /** `Player/bob`. */
  readonly name: string
  readonly partition: number
  readonly epoch: bigint
  readonly version: bigint
  /** Nothing: the state stays as it is. */
  readonly state: Uint8Array | null
  readonly entries: readonly IndexEntry[] | undefined
  readonly tasks: readonly TaskChange[] | undefined
  /** Whether it may be done twice, when nobody knows whether it was done. */
  readonly isRepeatable: boolean
  /** For messages: `write "Player/bob"`. */
  readonly attempt: string
  /** What it takes to send. */
  readonly byteLength: number
  handleOutcome(outcome: Outcome): void
  handleFailed(error: unknown): void
}

const NO_ENTRIES: readonly IndexEntry[] = []
/** Memory and bytes on the wire that a request takes beside its state. */
const REQUEST_BYTES = 200

/** A request for one entity, and the promise that answers it. */
abstract class EntityJob<Answer> implements Job {
  readonly entity: EntityId
  readonly name: string
  readonly partition: number
  readonly promise: Promise<Answer>
  abstract readonly kind: Kind
  readonly epoch: bigint
  readonly version: bigint
  readonly state: Uint8Array | null = null
  readonly entries: readonly IndexEntry[] | undefined = undefined
  readonly tasks: readonly TaskChange[] | undefined = undefined
  readonly isRepeatable: boolean = false
  #resolve: (answer: Answer) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  /** @throws EpicError `InvalidId`, `SettingsInvalid` */
  constructor(entity: EntityId, { epoch, version }: Guard) {
    checkEntityId(entity)
    checkGuard({ epoch, version })
    this.entity = { type: entity.type, id: entity.id }
    this.name = formatEntityId(entity)
    this.partition = partitionOf(entity.type, entity.id)
    this.epoch = epoch
    this.version = version
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  abstract get attempt(): string

  get byteLength(): number {
    return REQUEST_BYTES + (this.state?.byteLength ?? 0)
  }

  handleOutcome(outcome: Outcome): void {
    try {
      this.#resolve(this.answerTo(outcome))
    } catch (error) {
      this.#reject(error)
    }
  }

  handleFailed(error: unknown): void {
    this.#reject(error)
  }

  protected abstract answerTo(outcome: Outcome): Answer
}

export class ClaimJob extends EntityJob<Claimed> {
  readonly kind: Kind = KINDS.claim
  override readonly isRepeatable: boolean = true

  constructor(entity: EntityId, epoch: bigint) {
    super(entity, { epoch, version: 0n })
  }

  get attempt(): string {
    return `claim "${this.name}"`
  }

  protected answerTo({ isDone, epoch, version, state }: Outcome): Claimed {
    if (isDone) return { version: version ?? 0n, bytes: state }
    if (epoch === undefined) return { version: 0n, bytes: null }
    throw fencedError(this, epoch, undefined)
  }
}

export class WriteJob extends EntityJob<bigint> {
  readonly kind: Kind = KINDS.write
  override readonly state: Uint8Array | null
  override readonly entries: readonly IndexEntry[] | undefined
  override readonly tasks: readonly TaskChange[] | undefined

  constructor(entity: EntityId, guard: Guard, write: Write) {
    super(entity, guard)
    checkWrite(entity, write)
    this.state = write.bytes ?? null
    this.entries = write.indexes
    this.tasks = write.tasks
  }

  get attempt(): string {
    return `write "${this.name}"`
  }

  override get byteLength(): number {
    const bodies = this.tasks?.reduce((sum, task) => sum + bodyBytes(task), 0) ?? 0
    const keys = this.entries?.reduce((sum, { index, key }) => sum + index.length + key.length, 0)
    return super.byteLength + bodies + (keys ?? 0)
  }

  protected answerTo({ isDone, epoch, version }: Outcome): bigint {
    if (isDone) return this.version + 1n
    throw fencedError(this, epoch, version)
  }
}

export class RemoveJob extends EntityJob<bigint> {
  readonly kind: Kind = KINDS.remove
  override readonly entries: readonly IndexEntry[] = NO_ENTRIES

  get attempt(): string {
    return `remove "${this.name}"`
  }

  protected answerTo({ isDone, epoch, version }: Outcome): bigint {
    if (isDone) return this.version + 1n
    // Nothing was ever saved, and nothing is kept.
    if (epoch === undefined && this.version === 0n) return 0n
    throw fencedError(this, epoch, version)
  }
}

export class ReindexJob extends EntityJob<boolean> {
  readonly kind: Kind = KINDS.reindex
  override readonly entries: readonly IndexEntry[]
  override readonly isRepeatable: boolean = true

  constructor(entity: EntityId, version: bigint, entries: readonly IndexEntry[]) {
    super(entity, { epoch: 0n, version })
    checkIndexEntries(entries)
    this.entries = entries
  }

  get attempt(): string {
    return `reindex "${this.name}"`
  }

  protected answerTo({ isDone }: Outcome): boolean {
    return isDone
  }
}

function bodyBytes(task: TaskChange): number {
  return task.kind === 'set' ? task.body.byteLength : 0
}

function fencedError(
  { attempt, epoch, version }: { attempt: string; epoch: bigint; version: bigint },
  storedEpoch: bigint | undefined,
  storedVersion: bigint | undefined,
): EpicError {
  const message =
    storedEpoch !== undefined && storedEpoch > epoch
      ? `Cannot ${attempt} at epoch ${formatEpoch(epoch)}: epoch ${formatEpoch(storedEpoch)} is stored`
      : `Cannot ${attempt} from version ${version}: version ${storedVersion ?? 0n} is stored`
  return new EpicError('Fenced', message)
}
