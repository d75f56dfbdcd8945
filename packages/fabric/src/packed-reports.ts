/**
 * How an "installed" with many reports crosses a link: a message may hold so many items and no more, for a stranger may have written it,
 * and a node that gives its partitions away may have hundreds of thousands of entities to report. So they go as one text.
 */
import type { LiveReport, PeerMessage } from './peer-message.ts'

/** Fewer are sent as they are, which is quicker to write and to read. */
const PLAIN_MAX = 1_000

/** The message in the form in which it may be sent. */
export function packReports(message: PeerMessage): object {
  if (message.kind !== 'installed' || message.live.length <= PLAIN_MAX) return message
  const rows = message.live.map(({ key, partition, epoch, state }) => [
    key,
    partition,
    String(epoch),
    state,
  ])
  return { ...message, live: JSON.stringify(rows) }
}

/** The other way round; what is not of this form stays as it is, for `isPeerMessage` to judge. */
export function unpackReports(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { kind, live } = value as Readonly<Record<string, unknown>>
  if (kind !== 'installed' || typeof live !== 'string') return value
  const reports = reportsFrom(live)
  return reports === undefined ? value : { ...value, live: reports }
}

function reportsFrom(text: string): LiveReport[] | undefined {
  try {
    const rows: unknown = JSON.parse(text)
    return Array.isArray(rows) ? rows.map((row) => reportFrom(row as unknown[])) : undefined
  } catch {
    // Neither JSON nor rows nor whole numbers: none of ours.
    return undefined
  }
}

/** @throws SyntaxError, TypeError when it is no row */
function reportFrom([key, partition, epoch, state]: unknown[]): LiveReport {
  return { key, partition, epoch: BigInt(epoch as string), state } as LiveReport
}
