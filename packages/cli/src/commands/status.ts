/** `epic status`: the cluster that the app of this machine is part of, over all its machines. */
import type { ClusterStatus } from '@epicserver/runtime/host'
import { ask } from '../ask.ts'
import { headLines, NODE_COLUMNS, nodeCells, nodeRows, troublesOf } from '../cluster-table.ts'
import { printJson, printLine, printTable } from '../output.ts'

/** Something is not as it should be. */
const EXIT_TROUBLE = 1

export async function statusCommand(options: {
  readonly data: string
  readonly json?: boolean
}): Promise<void> {
  const status = (await ask(options.data, { ask: 'cluster' })) as ClusterStatus
  const troubles = troublesOf(status)
  if (options.json === true) printJson({ ...status, troubles })
  else {
    for (const line of headLines(status)) printLine(line)
    printLine('')
    printTable(
      NODE_COLUMNS,
      nodeRows(status).map((row) => nodeCells(row)),
    )
  }
  if (troubles.length > 0) process.exitCode = EXIT_TROUBLE
}
