/** A batch of requests as one call of the function `apply`, and what comes back as the outcome of each. */
import { EpicError } from '@epicserver/contracts'
import type { TaskChange } from '@epicserver/contracts'
import { APPLY_ARGUMENTS } from './apply-function.ts'
import { byteaArray, hexList, nameArray, numberArray } from './array-text.ts'
import type { Job, Outcome } from './entity-jobs.ts'
import type { Statement } from './link.ts'

/** What `apply` says of one request. */
export interface OutcomeRow {
  /** From 1, as PostgreSQL counts. */
  readonly nr: number
  readonly is_done: boolean
  readonly epoch: string | null
  readonly version: string | null
  readonly state: Uint8Array | null
}

/** The changes of tasks that are left of a write when each is replaced by the later ones of its key. */
interface TaskLists {
  readonly keys: string | null
  readonly dues: string | null
  readonly bodies: string | null
}

const NO_TASKS: TaskLists = { keys: null, dues: null, bodies: null }
const NO_BODY = new Uint8Array()
const CLEARED = '-'

export function applyStatement(s: string): Statement {
  return {
    name: 'apply',
    text: `SELECT nr, is_done, epoch, version, state FROM ${s}.apply(${APPLY_ARGUMENTS})`,
  }
}

/** The parameters of a call for some requests, each for another entity. */
export function applyValues(jobs: readonly Job[]): string[] {
  const tasks = jobs.map((job) => taskLists(job.tasks))
  return [
    nameArray(jobs.map((job) => job.kind)),
    nameArray(jobs.map((job) => job.entity.type)),
    byteaArray(jobs.map((job) => Buffer.from(job.entity.id))),
    numberArray(jobs.map((job) => job.partition)),
    numberArray(jobs.map((job) => job.epoch)),
    numberArray(jobs.map((job) => job.version)),
    byteaArray(jobs.map((job) => job.state)),
    nameArray(jobs.map((job) => listOf(job.entries?.map(({ index }) => Buffer.from(index))))),
    nameArray(jobs.map((job) => listOf(job.entries?.map(({ key }) => key)))),
    nameArray(tasks.map(({ keys }) => keys)),
    nameArray(tasks.map(({ dues }) => dues)),
    nameArray(tasks.map(({ bodies }) => bodies)),
  ]
}

/** The outcome of each request, in their order. */
export function outcomesFrom(rows: readonly OutcomeRow[], count: number): Outcome[] {
  const outcomes = new Array<Outcome | undefined>(count)
  for (const { nr, is_done: isDone, epoch, version, state } of rows) {
    outcomes[nr - 1] = { isDone, epoch: numberFrom(epoch), version: numberFrom(version), state }
  }
  return outcomes.map((outcome) => {
    if (outcome !== undefined) return outcome
    throw new EpicError('ProtocolBroken', 'Cannot tell what was done: an outcome did not come back')
  })
}

function taskLists(changes: readonly TaskChange[] | undefined): TaskLists {
  if (changes === undefined || changes.length === 0) return NO_TASKS
  const last = [...new Map(changes.map((change) => [change.key, change])).values()]
  return {
    keys: hexList(last.map(({ key }) => Buffer.from(key))),
    dues: last.map((change) => (change.kind === 'set' ? change.dueMs : CLEARED)).join(','),
    bodies: hexList(last.map((change) => (change.kind === 'set' ? change.body : NO_BODY))),
  }
}

function listOf(elements: readonly Uint8Array[] | undefined): string | null {
  return elements === undefined ? null : hexList(elements)
}

function numberFrom(text: string | null): bigint | undefined {
  return text === null ? undefined : BigInt(text)
}
