/** What a member tells the others about itself, kept under its lease and copied into each view. */
import { MEMBER_TEXT_BYTES_MAX } from './limits.ts'
import { ByteReader, ByteWriter } from './record-bytes.ts'

/**
 * What a member wants to be. `joining`: known to all, but owns nothing yet. `active`: gets partitions.
 * `draining`: loses them. A member that is gone is in no view.
 */
export type MemberState = 'joining' | 'active' | 'draining'

/** A member as a view shows it. */
export interface MemberInfo {
  readonly nodeId: string
  /** Where the others reach it: `[::1]:3030`, or a unix socket's path. */
  readonly address: string
  /** The machine's boot id: two members of one boot share a monotonic clock. */
  readonly boot: string
  readonly zone: string
  readonly labels: readonly string[]
  readonly appVersion: string
  /** Its share of the partitions, against the others' weights. */
  readonly weight: number
  readonly state: MemberState
}

const STATES: readonly MemberState[] = ['joining', 'active', 'draining']
const RECORD_FORMAT = 1
const LABELS_MAX = 256
const WEIGHT_MAX = 1_000_000

/** A member's record; the node id is in its key. */
export function encodeMemberRecord(info: MemberInfo): Uint8Array {
  const writer = new ByteWriter()
  writer.byte(RECORD_FORMAT)
  writeMemberInfo(writer, info)
  return writer.finish()
}

/** Reads a member's record, or says `undefined` where it is none that this version understands. */
export function decodeMemberRecord(nodeId: string, bytes: Uint8Array): MemberInfo | undefined {
  const reader = new ByteReader(bytes)
  const format = reader.byte()
  const info = readMemberInfo(reader, nodeId)
  return reader.failed || format !== RECORD_FORMAT || !reader.isAtEnd ? undefined : info
}

export function writeMemberInfo(writer: ByteWriter, info: MemberInfo): void {
  writer.byte(STATES.indexOf(info.state))
  writer.text(info.address)
  writer.text(info.boot)
  writer.text(info.zone)
  writer.count(info.labels.length)
  for (const label of info.labels) writer.text(label)
  writer.text(info.appVersion)
  writer.count(info.weight)
}

export function readMemberInfo(reader: ByteReader, nodeId: string): MemberInfo {
  const state = STATES[reader.byte()] ?? 'joining'
  const address = reader.text(MEMBER_TEXT_BYTES_MAX)
  const boot = reader.text(MEMBER_TEXT_BYTES_MAX)
  const zone = reader.text(MEMBER_TEXT_BYTES_MAX)
  const labels: string[] = []
  for (let left = reader.count(LABELS_MAX); left > 0 && !reader.failed; left -= 1) {
    labels.push(reader.text(MEMBER_TEXT_BYTES_MAX))
  }
  const appVersion = reader.text(MEMBER_TEXT_BYTES_MAX)
  const weight = reader.count(WEIGHT_MAX)
  return { nodeId, address, boot, zone, labels, appVersion, weight, state }
}

/** Whether two descriptions of a member say the same. */
export function isSameMember(a: MemberInfo, b: MemberInfo): boolean {
  return (
    a.nodeId === b.nodeId &&
    a.address === b.address &&
    a.boot === b.boot &&
    a.zone === b.zone &&
    a.appVersion === b.appVersion &&
    a.weight === b.weight &&
    a.state === b.state &&
    a.labels.length === b.labels.length &&
    a.labels.every((label, i) => label === b.labels[i])
  )
}
