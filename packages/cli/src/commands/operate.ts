/** `epic move`, `epic drain`, `epic plan` and `epic replace`: what operators do to the places of entities. */
import { EpicError, parseEntityId } from '@epicserver/contracts'
import type { ChangeReport, DrainReport, MoveOutcome } from '@epicserver/runtime/host'
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
  if ((join === undefined) === (leave === undefined)) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot plan: give either --join <count> or --leave <node>',
      { details: { remedy: 'As in `epic plan --join 1`.' } },
    )
  }
  const change = leave === undefined ? { joins: join as number } : { leaves: leave }
  const report = (await ask(options.data, { ask: 'plan', change })) as Printed
  if (options.json === true) {
    printJson(report)
    return
  }
  printTable(
    ['node', 'partitions now', 'then'],
    report.owned.map(({ node, before, after }) => [node, before, after]),
  )
  printLine('')
  printLine(
    `${report.partitions} partitions would get another owner, with ${report.entities} entities in memory (${report.bytes} bytes).`,
  )
}

/** As it comes over the control socket. */
type Printed = Omit<ChangeReport, 'partitions'> & { readonly partitions: number }

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
