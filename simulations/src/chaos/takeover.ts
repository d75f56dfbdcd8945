/**
 * Where the time of a recovery goes, read from the app's log: the steps between a death and the first answer from elsewhere.
 *
 * | step        | from the death until                                                              |
 * |-------------|-----------------------------------------------------------------------------------|
 * | `exitSeen`  | the supervisor is told of the exit (the system takes the process's memory apart first) |
 * | `leaseOver` | the dead node's lease has ended, durably                                            |
 * | `viewSeen`  | the first of the others has installed the view without it                           |
 * | `opened`    | the last of the others has opened what that view gave it                            |
 *
 * The log tells milliseconds of the wall clock, one for all processes of a machine: fine enough for steps of some milliseconds each.
 */
import { summary } from './recovery.ts'

/** A line of the app's log, as far as it matters here. */
interface Line {
  readonly time: string
  readonly message: string
  readonly node?: string
  readonly pid?: number
  readonly slot?: number
  readonly viewNo?: number
  readonly epoch?: number
}

export const STEPS = ['exitSeen', 'leaseOver', 'viewSeen', 'opened'] as const
export type Step = (typeof STEPS)[number]

/** A death, and when its steps were done, in milliseconds after it. */
export interface Takeover {
  readonly pid: number
  readonly diedAtMs: number
  node: string | undefined
  slot: number | undefined
  viewNo: number | undefined
  readonly steps: Map<Step, number>
}

export class Takeovers {
  readonly #all: Takeover[] = []
  readonly #pids = new Map<string, number>()

  /** A process is killed now. */
  begin(pid: number): Takeover {
    const takeover: Takeover = {
      pid,
      diedAtMs: Date.now(),
      node: undefined,
      slot: undefined,
      viewNo: undefined,
      steps: new Map(),
    }
    this.#all.push(takeover)
    return takeover
  }

  handleLine(text: string): void {
    const line = lineFrom(text)
    if (line === undefined) return
    const { node, pid } = line
    if (line.message === 'node serves' && node !== undefined && pid !== undefined)
      this.#pids.set(node, pid)
    for (const takeover of this.#all.slice(-UNDER_WAY_MAX)) this.#advance(takeover, line)
  }

  /** How long each step took to come, over all deaths. */
  get summary(): Readonly<Record<Step, ReturnType<typeof summary>>> {
    const of = (step: Step): ReturnType<typeof summary> =>
      summary(this.#all.flatMap(({ steps }) => steps.get(step) ?? []))
    return {
      exitSeen: of('exitSeen'),
      leaseOver: of('leaseOver'),
      viewSeen: of('viewSeen'),
      opened: of('opened'),
    }
  }

  #advance(takeover: Takeover, line: Line): void {
    const { steps } = takeover
    const atMs = Date.parse(line.time) - takeover.diedAtMs
    if (line.message.startsWith('a node process has ended')) {
      if (line.node === undefined || this.#pids.get(line.node) !== takeover.pid) return
      takeover.node = line.node
      takeover.slot = line.slot
      steps.set('exitSeen', atMs)
    } else if (line.message === 'a dead node’s lease has ended') {
      if (line.node === takeover.node) steps.set('leaseOver', atMs)
    } else if (line.message === 'a view is installed') {
      if (!steps.has('leaseOver') || steps.has('viewSeen')) return
      takeover.viewNo = line.viewNo
      steps.set('viewSeen', atMs)
    } else if (line.message === 'partitions are open') {
      if (takeover.viewNo !== undefined && line.epoch === takeover.viewNo) steps.set('opened', atMs)
    }
  }
}

/** Deaths that may not have been dealt with when the next comes. */
const UNDER_WAY_MAX = 4

function lineFrom(text: string): Line | undefined {
  if (!text.startsWith('{"time"')) return undefined
  return JSON.parse(text) as Line
}
