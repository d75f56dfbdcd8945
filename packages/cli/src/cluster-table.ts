/** The cluster as text: a head of one line for each part that may be ill, and a line for each node. */
import type {
  ClusterStatus,
  MemberLine,
  NodeFigures,
  RefusalCounts,
} from '@epicserver/runtime/host'
import { formatTable } from './output.ts'

/** What changed between two looks, for who looks again and again. */
export interface Load {
  /** Per cent of one core, and of the event loop's time. */
  readonly cpu: number
  readonly busy: number
  /** Turns that began, a second, by type. */
  readonly callsByType: Readonly<Record<string, number>>
}

export interface NodeRow {
  readonly member: MemberLine
  readonly figures: NodeFigures | undefined
  readonly load: Load | undefined
}

const PERCENT = 100
const MS_PER_S = 1_000

/** Members in the order of their addresses, each with what it said of itself. */
export function nodeRows(now: ClusterStatus, before?: ClusterStatus): NodeRow[] {
  const figuresBy = (status: ClusterStatus | undefined): Map<string, NodeFigures> =>
    new Map(status?.nodes.map((figures) => [figures.node, figures]))
  const [present, past] = [figuresBy(now), figuresBy(before)]
  const members = [...(now.membership?.members ?? [])]
  return members
    .toSorted((a, b) => a.address.localeCompare(b.address, 'en', { numeric: true }))
    .map((member) => {
      const figures = present.get(member.node)
      return { member, figures, load: figures && loadOf(figures, past.get(member.node)) }
    })
}

/** Since the look before; since the start where there was none. */
function loadOf(now: NodeFigures, before: NodeFigures | undefined): Load {
  const start = before?.pid === now.pid ? before : { cpuMs: 0, busyMs: 0, upMs: 0 }
  const begun = new Map(before?.pid === now.pid ? Object.entries(before.turns) : [])
  const tookMs = Math.max(1, now.upMs - start.upMs)
  const share = (ms: number): number => Math.min(999, Math.round((ms / tookMs) * PERCENT))
  const rates = Object.entries(now.turns).map(([type, count]): [string, number] => {
    return [type, ((count - (begun.get(type) ?? 0)) * MS_PER_S) / tookMs]
  })
  return {
    cpu: share(now.cpuMs - start.cpuMs),
    busy: share(now.busyMs - start.busyMs),
    callsByType: Object.fromEntries(rates),
  }
}

/** What is not as it should be; empty when all is well. */
export function troublesOf({ engine, membership, nodes }: ClusterStatus): string[] {
  if (!engine.isReachable)
    return [`the engine cannot be used: ${engine.problem ?? 'it does not answer'}`]
  if (membership === undefined || membership.viewNo === 0) return ['there are no members yet']
  const silent = membership.members.filter(
    ({ node, hasLease, state }) =>
      hasLease && state !== 'joining' && !nodes.some((figures) => figures.node === node),
  )
  return [
    ...(membership.ownerless > 0
      ? [`${membership.ownerless} of ${membership.partitions} partitions have no owner`]
      : []),
    ...membership.members
      .filter(({ hasLease }) => !hasLease)
      .map(({ node }) => `node ${node} has lost its lease`),
    ...(nodes.length === 0 && silent.length > 0
      ? ['no node of this machine serves just now, so none could be asked']
      : silent.map(({ node }) => `node ${node} does not answer`)),
  ]
}

export function headLines(status: ClusterStatus): string[] {
  const { cluster, engine, membership, desk } = status
  const name = cluster === undefined ? 'this machine alone' : `cluster ${cluster}`
  const members = membership?.members.length ?? 0
  const answer = engine.isReachable ? `answers in ${engine.answerMs} ms` : 'CANNOT BE USED'
  return [
    `${name}: view ${membership?.viewNo ?? '?'}, ${members} ${members === 1 ? 'node' : 'nodes'}, master ${membership?.master ?? 'none'}`,
    `engine ${engine.address}: ${answer}${engine.failures > 0 ? `, failed ${engine.failures} times` : ''}`,
    ...(desk === undefined || totalOf(desk.refused) === 0
      ? []
      : [`refused at ${desk.address}, where machines ask to join: ${printRefusals(desk.refused)}`]),
    ...troublesOf(status).map((trouble) => `! ${trouble}`),
  ]
}

/** Why they were refused, as a person would say it; kinds of which there were none are left out. */
function printRefusals(refused: RefusalCounts): string {
  const { unauthorized, incompatible, broken, lost, turnedAway } = refused
  const kinds = [
    [unauthorized, 'without the key'],
    [incompatible, 'of another cluster or version'],
    [broken, 'against the protocol'],
    [lost, 'gave up or took too long'],
    [turnedAway, 'turned away'],
  ] as const
  return kinds
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ')
}

function totalOf({ unauthorized, incompatible, broken, lost, turnedAway }: RefusalCounts): number {
  return unauthorized + incompatible + broken + lost + turnedAway
}

export const NODE_COLUMNS: readonly string[] = [
  'node',
  'address',
  'zone',
  'labels',
  'version',
  'state',
  'lease',
  'owns',
  'entities',
  'queued',
  'waiting',
  'calls/s',
  'cpu %',
  'busy %',
  'MB',
  'moved',
  'refused',
]

const MB = 1024 * 1024

export function nodeCells({ member, figures, load }: NodeRow): (string | number)[] {
  const { node, address, zone, labels, appVersion, state, hasLease, owns } = member
  const known = [
    node,
    placeOf(address),
    zone === '' ? '-' : zone,
    labels.length === 0 ? '-' : labels.join(','),
    appVersion,
    state,
    hasLease ? 'lives' : 'ended',
    owns,
  ]
  if (figures === undefined || load === undefined) return [...known, ...Array<string>(9).fill('-')]
  const { entities, queued, waiting, rssBytes, refused, movedForLoad, movedForTalk } = figures
  const moved = movedForLoad + movedForTalk
  const total = totalOf(refused)
  const memory = Math.round(rssBytes / MB)
  const calls = Math.round(sum(Object.values(load.callsByType)))
  return [...known, entities, queued, waiting, calls, load.cpu, load.busy, memory, moved, total]
}

/** What a narrow terminal goes without, in this order: first what says little of how a node is doing. */
const LEFT_OUT_FIRST: readonly string[] = [
  ...['zone', 'labels', 'version', 'lease', 'refused', 'moved', 'MB', 'busy %'],
  ...['waiting', 'address', 'queued'],
]

/** The table of the nodes, with as many columns as fit. */
export function nodeTable(rows: readonly NodeRow[], width: number = Infinity): string[] {
  const cells = rows.map((row) => nodeCells(row))
  let shown = NODE_COLUMNS.map((name, index) => ({ name, index }))
  const table = (): string[] =>
    formatTable(
      shown.map(({ name }) => name),
      cells.map((row) => shown.map(({ index }) => row[index] ?? '')),
    )
  for (const dispensable of LEFT_OUT_FIRST) {
    const lines = table()
    if (lines.every((line) => line.length <= width)) return lines
    shown = shown.filter(({ name }) => name !== dispensable)
  }
  return table()
}

export const TYPE_COLUMNS: readonly string[] = ['type', 'calls/s']

/** The types that were called, over all nodes, the busiest first. */
export function typeCells(rows: readonly NodeRow[]): (string | number)[][] {
  const rates = new Map<string, number>()
  for (const { load } of rows) {
    for (const [type, rate] of Object.entries(load?.callsByType ?? {}))
      rates.set(type, (rates.get(type) ?? 0) + rate)
  }
  return [...rates]
    .map(([type, rate]): [string, number] => [type, Math.round(rate)])
    .filter(([, rate]) => rate > 0)
    .toSorted(([a, rateA], [b, rateB]) => rateB - rateA || a.localeCompare(b, 'en'))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Without the socket that only its neighbours use; of a socket alone its name. */
function placeOf(address: string): string {
  const slash = address.indexOf('/')
  if (slash < 0) return address
  return slash === 0 ? (address.split('/').at(-1) ?? address) : address.slice(0, slash)
}
