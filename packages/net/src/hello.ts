/**
 * The first word of both sides once each knows the other: which versions and protocol, what else must agree, and how much each lane
 * may send. Two that disagree part with a reason that both print.
 *
 * Bytes: "epic", versions of the channel (newest u8, oldest u8), versions of the messages (the same), protocol (string), compatibility
 * (string), windows (u32 × 4). This stays as it is in every version; what a later one needs besides is appended.
 */
import { Reader, Writer } from '@epicserver/wire'
import { LANES, RELIABLE_LANES } from './lane.ts'
import type { NetLimits } from './limits.ts'
import { printable } from './printable.ts'
import { agreedVersion, printVersions } from './versions.ts'
import type { Versions } from './versions.ts'

/** The newest changes when frames change in a way that an older version does not read. */
export const CHANNEL_VERSIONS: Versions = { newest: 1, oldest: 1 }

/** For messages that never changed. */
export const FIRST_VERSION: Versions = { newest: 1, oldest: 1 }

/** What one side says of itself. */
export interface Hello {
  readonly channel: Versions
  readonly messages: Versions
  readonly protocol: string
  /** Whatever else must be equal on both sides; empty when nothing. */
  readonly compatibility: string
  readonly windows: readonly number[]
}

const MAGIC = 0x63697065

export function encodeHello(hello: Hello): Uint8Array {
  const writer = new Writer()
  writer.u32(MAGIC)
  for (const { newest, oldest } of [hello.channel, hello.messages]) {
    writer.u8(newest)
    writer.u8(oldest)
  }
  writer.string(hello.protocol)
  writer.string(hello.compatibility)
  for (const bytes of hello.windows) writer.u32(bytes)
  return writer.take()
}

/** The hello in these bytes, or `undefined`; what a later version appends is skipped. */
export function decodeHello(body: Uint8Array): Hello | undefined {
  const reader = new Reader()
  reader.reset(body)
  if (reader.u32() !== MAGIC) return undefined
  const channel = { newest: reader.u8(), oldest: reader.u8() }
  const messages = { newest: reader.u8(), oldest: reader.u8() }
  const protocol = reader.string()
  const compatibility = reader.string()
  const windows = Array.from({ length: RELIABLE_LANES }, () => reader.u32())
  return reader.failed ? undefined : { channel, messages, protocol, compatibility, windows }
}

/** Why these two cannot talk, seen from the side whose hello is `ours`; `undefined` when they can. */
export function helloConflict(ours: Hello, theirs: Hello): string | undefined {
  for (const what of ['channel', 'messages'] as const) {
    if (agreedVersion(ours[what], theirs[what]) !== undefined) continue
    const versions = `${printVersions(ours[what])} of the ${what}, the other ${printVersions(theirs[what])}`
    return `one side speaks version ${versions}`
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
