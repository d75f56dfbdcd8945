/** `epic move`, `epic drain`, `epic plan` and `epic replace`: what operators do to the places of entities. */
import { EpicError, parseEntityId } from '@epicserver/contracts'
import type { ChangeReport, DrainReport, Foresight, MoveOutcome } from '@epicserver/runtime/host'
import { ask } from '../ask.ts'
import { printJson, printLine, printTable } from '../output.ts'

interface Options {
  readonly data: string
  readonly json?: boolean
}

export async function moveCommand(entity: string, to: string, options: Options): Promise<void> {
  const { type, id } = parseEntityId(entity)
  tellMove(entity, (await ask(options.data, { ask: 'move', type, id, to })) as MoveOutcome, options)
}

export async function replaceCommand(
  entity: string,
  options: Options & { readonly appVersion: string },
): Promise<void> {
  const { type, id } = parseEntityId(entity)
  const { appVersion } = options
  const outcome = await ask(options.data, { ask: 'replace', type, id, appVersion })
  tellMove(entity, outcome as MoveOutcome, options)
}

export async function drainCommand(
  node: string,
  options: Options & { readonly restart?: boolean; readonly cancel?: boolean },
): Promise<void> {
  const then = options.cancel === true ? 'cancel' : options.restart === true ? 'restart' : 'stay'
  const report = (await ask(options.data, { ask: 'drain', node, then })) as DrainReport
  if (options.json === true) printJson(report)
  else if (then === 'cancel') printLine(`${report.node} takes partitions and entities again.`)
  else {
    const after = then === 'restart' ? 'It starts anew.' : 'It may be stopped now.'
    printLine(`${report.node} has nothing any more: ${report.moved} entities moved as they were,`)
    printLine(`the others begin elsewhere when they are called. ${report.tookMs} ms. ${after}`)
  }
}

export async function planCommand(
  options: Options & { readonly join?: number; readonly leave?: string },
): Promise<void> {
  const { join, leave } = options
  if (join !== undefined && leave !== undefined) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot plan: give --join <count> or --leave <node>, not both',
      { details: { remedy: 'As in `epic plan --join 1`.' } },
    )
  }
  const joins = join === undefined ? undefined : { joins: join }
  const change = leave === undefined ? joins : { leaves: leave }
  const report = (await ask(options.data, { ask: 'plan', change })) as Printed
  if (options.json === true) {
    printJson(report)
    return
  }
  if (isOfChange(report)) tellChange(report)
  tellBalance(report.balance)
}

function tellChange(report: PrintedChange): void {
  printTable(
    ['node', 'partitions now', 'then'],
    report.owned.map(({ node, before, after }) => [node, before, after]),
  )
  printLine('')
  printLine(
    `${report.partitions} partitions would get another owner, with ${report.entities} entities in memory (${report.bytes} bytes).`,
  )
  printLine('')
}

/** What balance moves next: a line for each node that would give something away, and the heaviest of all that. */
function tellBalance(balance: readonly Foresight[]): void {
  for (const { node, why, count, inMs } of balance.toSorted((a, b) => a.inMs - b.inMs)) {
    if (why === 'settled') continue
    if (why === 'off') printLine(`${node} moves nothing for balance: that is switched off.`)
    else
      printLine(
        `${node} would move ${count} ${count === 1 ? 'entity' : 'entities'} in ${(inMs / MS_PER_S).toFixed(1)} s, ${WHY[why]}.`,
      )
  }
  if (balance.filter(({ count }) => count > 0).length > 1)
    printLine('Who moves first may make the others stay.')
  if (balance.every(({ why }) => why === 'settled')) printLine('Balance would move nothing now.')
  const heaviest = balance.flatMap(({ node, heaviest }) =>
    heaviest.map((move) => ({ ...move, from: node })),
  )
  if (heaviest.length === 0) return
  printLine('')
  printTable(
    ['entity', 'from', 'to', 'cpu %', 'messages/s', 'bytes'],
    heaviest
      .toSorted((a, b) => b.load.cpu - a.load.cpu || b.load.messages - a.load.messages)
      .slice(0, HEAVIEST_SHOWN)
      .map(({ entity, from, to, load }) => [
        ...[entity, from, to, (load.cpu * PERCENT).toFixed(1)],
        ...[Math.round(load.messages), load.bytes],
      ]),
  )
}

const WHY = {
  load: 'because it is busier than others',
  talk: 'to where those are with whom they talk',
} as const

const HEAVIEST_SHOWN = 10
const MS_PER_S = 1_000
const PERCENT = 100

/** As it comes over the control socket. */
interface Printed {
  readonly balance: readonly Foresight[]
}

interface PrintedChange extends Printed, Omit<ChangeReport, 'partitions'> {
  readonly partitions: number
}

function isOfChange(report: Printed): report is PrintedChange {
  return 'owned' in report
}

/** @throws EpicError `Overloaded` when the entity has stayed where it was */
function tellMove(entity: string, outcome: MoveOutcome, { json }: Options): void {
  if (outcome.status === 'stayed') {
    const why =
      outcome.why === 'tooLate'
        ? 'it had no quiet moment for two seconds'
        : 'its node or the other one could not do it; the log of its node says why'
    throw new EpicError(
      'Overloaded',
      `Cannot move "${entity}": ${why}. It goes on at ${outcome.node}`,
    )
  }
  if (json === true) printJson(outcome)
  else
    printLine(`${entity} lives at ${outcome.node}; calls waited ${outcome.pauseMs.toFixed(1)} ms.`)
}
