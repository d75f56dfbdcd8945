/**
 * What a durable task says: the operation to call, when, and when again. Encoded it is the opaque body that a store keeps.
 *
 * Firing is part of the turn that it starts: the same write that saves what the operation changed moves the task to its next time
 * or clears it. So a crash before that write fires it again, and one after it does not.
 */
import { EpicError, type Task, type TaskChange } from '@epicserver/contracts'
import { Cron } from 'croner'
import type { EntityNode } from '../node/node.ts'
import type { CatchUp, TaskSettings } from './tasks.ts'

/** A task that is due, as it crosses to the entity. */
export interface DueTask {
  readonly key: string
  /** Which time of the task it is. */
  readonly dueMs: number
  readonly operation: string
  readonly args: readonly unknown[]
  /** What becomes of the task in the same write. */
  readonly next: TaskChange
  /** False where the times that passed are skipped. */
  readonly mustRun: boolean
}

interface TaskBody {
  readonly operation: string
  readonly args: readonly unknown[]
  readonly everyMs: number | null
  readonly cron: string | null
  readonly timeZone: string | null
  readonly catchUp: CatchUp
}

/** How late a task may be and still count as on time. */
const ON_TIME_MS = 5_000

/** @throws EpicError `SettingsInvalid` */
export function taskChange(node: EntityNode, key: string, task: TaskSettings): TaskChange {
  const body: TaskBody = {
    operation: task.operation,
    args: task.args ?? [],
    everyMs: task.everyMs ?? null,
    cron: task.cron ?? null,
    timeZone: task.timeZone ?? null,
    catchUp: task.catchUp ?? 'once',
  }
  const given = [task.everyMs, task.at, task.cron].filter((each) => each !== undefined).length
  if (given !== 1) throw invalid(key, 'it needs exactly one of everyMs, at and cron')
  if (task.everyMs !== undefined && !(task.everyMs >= 1))
    throw invalid(key, `everyMs is ${task.everyMs}`)
  const now = node.ports.clock.wallMs()
  const dueMs = task.at === undefined ? nextTime(key, body, now, now) : Math.ceil(Number(task.at))
  if (dueMs === null || !Number.isFinite(dueMs)) throw invalid(key, 'it never comes due')
  return { kind: 'set', key, dueMs, body: node.codec.state.encode(body) }
}

/** Reads a due task and works out what becomes of it. */
export function dueTask(node: EntityNode, task: Task, nowMs: number): DueTask {
  const body = node.codec.decodeState(
    task.body,
    'CorruptRecord',
    `the task "${task.key}"`,
  ) as TaskBody
  const isLate = nowMs - task.dueMs > ON_TIME_MS
  // A timer may fire a little before the wall clock is there: the time after this one is still another.
  const from = body.catchUp === 'all' ? task.dueMs : Math.max(nowMs, task.dueMs)
  const dueMs = nextTime(task.key, body, task.dueMs, from)
  const next: TaskChange =
    dueMs === null
      ? { kind: 'clear', key: task.key }
      : { kind: 'set', key: task.key, dueMs, body: task.body }
  return {
    key: task.key,
    dueMs: task.dueMs,
    operation: body.operation,
    args: body.args,
    next,
    mustRun: !(isLate && body.catchUp === 'skip'),
  }
}

/** The first time after `from`; repeated tasks keep the beat that began at `beat`. */
function nextTime(key: string, body: TaskBody, beat: number, from: number): number | null {
  if (body.everyMs !== null)
    return Math.ceil(beat + (Math.floor((from - beat) / body.everyMs) + 1) * body.everyMs)
  if (body.cron === null) return null
  try {
    const cron = new Cron(body.cron, { timezone: body.timeZone ?? 'UTC' })
    return cron.nextRun(new Date(from))?.getTime() ?? null
  } catch (cause) {
    throw invalid(key, `"${body.cron}" in ${body.timeZone ?? 'UTC'} is no schedule`, cause)
  }
}

function invalid(key: string, problem: string, cause?: unknown): EpicError {
  return new EpicError(
    'SettingsInvalid',
    `Cannot set the task "${key}": ${problem}`,
    cause === undefined ? {} : { cause },
  )
}
