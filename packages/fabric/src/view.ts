/**
 * A view: who the members are, who owns which partition, and since which view.
 *
 * One record of the cluster store, changed only by compare-and-set, numbered without gaps. A partition's epoch is the number of
 * the view in which its owner last changed, so that an owner which lost a partition and got it back is told apart from
 * one that had it all the time.
 *
 * Its bytes are read by nodes of other versions: format 1 is fixed by golden bytes in the tests. Owners are written as places
 * in the list of members, epochs as distances from the view's number; 1,024 partitions with 8 members take about 2.5 KB.
 */
import { MEMBER_TEXT_BYTES_MAX, RECORD_BYTES_MAX } from './limits.ts'
import { readMemberInfo, writeMemberInfo } from './member-info.ts'
import type { MemberInfo } from './member-info.ts'
import { ByteReader, ByteWriter } from './record-bytes.ts'

/** One numbered state of the cluster. */
export interface View {
  /** Grows by one with each change. */
  readonly viewNo: number
  readonly members: readonly MemberInfo[]
  /** The owner's node id for each partition; `undefined` while no member is active. */
  readonly owner: readonly (string | undefined)[]
  /** For each partition the number of the view in which it got its owner. */
  readonly partitionEpoch: readonly number[]
}

/** What decoding a view found. */
export type DecodedView =
  | { readonly ok: true; readonly view: View }
  | { readonly ok: false; readonly problem: string }

const VIEW_FORMAT = 1
const VIEW_NO_MAX = 0xffff_ffff
const MEMBERS_MAX = 4_096
const PARTITIONS_MAX = 65_536

/** The bytes of a view record. */
export function encodeView(view: View): Uint8Array {
  const writer = new ByteWriter()
  const places = new Map(view.members.map((member, i) => [member.nodeId, i + 1]))
  writer.byte(VIEW_FORMAT)
  writer.count(view.viewNo)
  writer.count(view.owner.length)
  writer.count(view.members.length)
  for (const member of view.members) {
    writer.text(member.nodeId)
    writeMemberInfo(writer, member)
  }
  for (const owner of view.owner) writer.count(owner === undefined ? 0 : (places.get(owner) ?? 0))
  for (const epoch of view.partitionEpoch) writer.count(view.viewNo - epoch)
  return writer.finish()
}

/** Reads a view record; bytes of another format or of no view at all are a problem in words, never an exception. */
export function decodeView(bytes: Uint8Array): DecodedView {
  if (bytes.length > RECORD_BYTES_MAX) return { ok: false, problem: `it has ${bytes.length} bytes` }
  const reader = new ByteReader(bytes)
  const format = reader.byte()
  if (format !== VIEW_FORMAT)
    return { ok: false, problem: `its format is ${format}, not ${VIEW_FORMAT}` }
  const viewNo = reader.count(VIEW_NO_MAX)
  const partitions = reader.count(PARTITIONS_MAX)
  const members = readMembers(reader)
  // Each takes a byte at least, so what is allotted is bounded by what was sent.
  const size = reader.failed ? 0 : Math.min(partitions, bytes.length)
  const owner = new Array<string | undefined>(size)
  for (let p = 0; p < partitions && !reader.failed; p += 1) {
    const place = reader.count(members.length)
    owner[p] = place === 0 ? undefined : members[place - 1]?.nodeId
  }
  const partitionEpoch = new Array<number>(size)
  for (let p = 0; p < partitions && !reader.failed; p += 1) {
    partitionEpoch[p] = viewNo - reader.count(viewNo)
  }
  if (reader.failed || !reader.isAtEnd) return { ok: false, problem: 'its bytes are damaged' }
  return { ok: true, view: { viewNo, members, owner, partitionEpoch } }
}

/** The partitions that a member owns in a view, in order. */
export function partitionsOf(view: View, nodeId: string): number[] {
  const partitions: number[] = []
  for (let p = 0; p < view.owner.length; p += 1) if (view.owner[p] === nodeId) partitions.push(p)
  return partitions
}

/** A member of a view by its id. */
export function memberOf(view: View, nodeId: string): MemberInfo | undefined {
  return view.members.find((member) => member.nodeId === nodeId)
}

function readMembers(reader: ByteReader): MemberInfo[] {
  const members: MemberInfo[] = []
  for (let left = reader.count(MEMBERS_MAX); left > 0 && !reader.failed; left -= 1) {
    members.push(readMemberInfo(reader, reader.text(MEMBER_TEXT_BYTES_MAX)))
  }
  return members
}
