/**
 * `epic top`: the cluster, looked at again and again until it is told to stop.
 *
 * On a terminal it draws over itself, on a screen of its own that is gone afterwards; `q` ends it. Elsewhere, and with `--json`, each
 * look is appended. An app that cannot be asked for a while is said to be so, and asked again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isEpicError } from '@epicserver/contracts'
import type { ClusterStatus } from '@epicserver/runtime/host'
import { ask } from '../ask.ts'
import { headLines, nodeRows, nodeTable, TYPE_COLUMNS, typeCells } from '../cluster-table.ts'
import { formatTable, printJson } from '../output.ts'

const OTHER_SCREEN = '\u001B[?1049h\u001B[?25l'
const OWN_SCREEN = '\u001B[?25h\u001B[?1049l'
const HOME_AND_CLEAR = '\u001B[H\u001B[2J'
const KEYS_THAT_END: readonly string[] = ['q', '\u0003', '\u001B']

export interface TopOptions {
  readonly data: string
  readonly every: number
  readonly count?: number
  readonly json?: boolean
}

export async function topCommand(options: TopOptions): Promise<void> {
  const isScreen = options.json !== true && process.stdout.isTTY
  const stopped = new AbortController()
  if (isScreen) beginScreen(() => stopped.abort())
  try {
    await look(options, isScreen, stopped.signal)
  } finally {
    if (isScreen) endScreen()
  }
}

async function look(
  { data, every, count = Infinity, json }: TopOptions,
  isScreen: boolean,
  signal: AbortSignal,
): Promise<void> {
  let before: ClusterStatus | undefined
  for (let times = 1; times <= count && !signal.aborted; times += 1) {
    const status = await askUnlessAway(data, times > 1)
    if (json === true) printJson(status ?? { isAway: true })
    else draw(status, before, isScreen)
    before = status
    if (times < count) await delay(every * 1_000, undefined, { signal }).catch(() => undefined)
  }
}

/** @throws EpicError when nothing runs there at the first look */
async function askUnlessAway(data: string, isLater: boolean): Promise<ClusterStatus | undefined> {
  try {
    return (await ask(data, { ask: 'cluster' })) as ClusterStatus
  } catch (error) {
    if (isLater && isEpicError(error) && error.retry !== 'never') return undefined
    throw error
  }
}

function draw(
  status: ClusterStatus | undefined,
  before: ClusterStatus | undefined,
  isScreen: boolean,
): void {
  const lines =
    status === undefined
      ? ['the app does not answer; asked again']
      : tables(status, { before, width: isScreen ? process.stdout.columns : Infinity })
  if (!isScreen) {
    process.stdout.write(`${lines.join('\n')}\n\n`)
    return
  }
  const { columns, rows } = process.stdout
  const clock = `${new Date().toISOString().slice(11, 19)}   q ends`
  const shown = [clock, ...lines].slice(0, rows - 1).map((line) => line.slice(0, columns))
  process.stdout.write(`${HOME_AND_CLEAR}${shown.join('\r\n')}`)
}

function tables(
  status: ClusterStatus,
  { before, width }: { readonly before: ClusterStatus | undefined; readonly width: number },
): string[] {
  const rows = nodeRows(status, before)
  const types = formatTable(TYPE_COLUMNS, typeCells(rows))
  return [...headLines(status), '', ...nodeTable(rows, width), '', ...types]
}

function beginScreen(stop: () => void): void {
  process.stdout.write(OTHER_SCREEN)
  if (!process.stdin.isTTY) return
  process.stdin.setRawMode(true)
  process.stdin.on('data', (key: Buffer) => {
    if (KEYS_THAT_END.includes(key.toString())) stop()
  })
}

function endScreen(): void {
  process.stdout.write(OWN_SCREEN)
  if (!process.stdin.isTTY) return
  process.stdin.setRawMode(false)
  process.stdin.pause()
}
