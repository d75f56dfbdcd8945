/** `epic inspect Player/bob`: what an entity holds, in memory or saved, wherever in the cluster. */
import { EpicError, parseEntityId } from '@epicserver/contracts'
import type { EntityView } from '@epicserver/runtime/host'
import { ask } from '../ask.ts'
import { printJson, printLine } from '../output.ts'

export async function inspectCommand(
  entity: string,
  options: { readonly data: string; readonly json?: boolean },
): Promise<void> {
  const { type, id } = parseEntityId(entity)
  const view = (await ask(options.data, { ask: 'inspect', type, id })) as EntityView | null
  if (view === null)
    throw new EpicError(
      'NotFound',
      `Cannot find "${entity}": no node has it in memory, and nothing of it is saved`,
      { details: { remedy: 'Its first call makes it.' } },
    )
  if (options.json === true) {
    printJson(view)
    return
  }
  printLine(
    `${view.entity}  ${view.state}  epoch ${view.epoch}  version ${view.version}  ${view.bytes} bytes  node ${view.node}`,
  )
  if (view.running.length > 0) printLine(`running: ${view.running.join(', ')}`)
  if (view.waiting.length > 0) printLine(`waiting: ${view.waiting.join(', ')}`)
  printLine(JSON.stringify(view.fields, undefined, 2))
}
