/**
 * The first word of both sides once each knows the other: which protocol, what else must agree, and how much each lane may
 * send. Two that disagree part with a reason that both print.
 *
 * Bytes: "epic", version (u8), protocol (string), compatibility (string), windows (u32 × 4).
 */
import { Reader, Writer } from '@epicserver/wire'
import { LANES, RELIABLE_LANES } from './lane.ts'
import type { NetLimits } from './limits.ts'
import { printable } from './printable.ts'

/** Changes when frames change in a way that an older version does not read. */
export const NET_VERSION = 1

/** What one side says of itself. */
export interface Hello {
  readonly version: number
  readonly protocol: string
  /** Whatever else must be equal on both sides; empty when nothing. */
  readonly compatibility: string
  readonly windows: readonly number[]
}

const MAGIC = 0x63697065

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new Writer()
  writer.u32(MAGIC)
  writer.u8(hello.version)
  writer.string(hello.protocol)
  writer.string(hello.compatibility)
  for (const bytes of hello.windows) writer.u32(bytes)
  return writer.take()
}

/** The hello in these bytes, or `undefined`; what a later version appends is skipped. */
export function decodeHello(body: Uint8Array): Hello | undefined {
  const reader = new Reader()
  reader.reset(body)
  const magic = reader.u32()
  const version = reader.u8()
  if (reader.failed || magic !== MAGIC) return undefined
  if (version !== NET_VERSION) return { version, protocol: '', compatibility: '', windows: [] }
  const protocol = reader.string()
  const compatibility = reader.string()
  const windows = Array.from({ length: RELIABLE_LANES }, () => reader.u32())
  return reader.failed ? undefined : { version, protocol, compatibility, windows }
}

/** Why these two cannot talk, seen from the side whose hello is `ours`; `undefined` when they can. */
export function helloConflict(ours: Hello, theirs: Hello): string | undefined {
  if (ours.version !== theirs.version) {
    return `one side speaks version ${ours.version} of the channel, the other ${theirs.version}`
  }
  const rows = [
    ['protocol', ours.protocol, theirs.protocol],
    ['compatibility', ours.compatibility, theirs.compatibility],
  ] as const
  for (const [name, mine, its] of rows) {
    if (mine !== its)
      return `the ${name} is "${printable(mine)}" on one side, "${printable(its)}" on the other`
  }
  return undefined
}

/** The windows of the reliable lanes, in their order. */
export function windowsOf(limits: NetLimits): number[] {
  return LANES.slice(0, RELIABLE_LANES).map(
    (lane) => limits.windowBytes[lane as keyof NetLimits['windowBytes']],
  )
}
