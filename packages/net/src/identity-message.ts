/** Who somebody is, as bytes in a handshake, and whether two of them belong together. */
import { EpicError } from '@epicserver/contracts'
import { Reader, Writer } from '@epicserver/wire'
import type { PeerIdentity, RawChannel } from './handshake.ts'
import { printable } from './printable.ts'

/** Who we are. */
export interface IdentityOptions {
  readonly clusterId: string
  readonly nodeId: string
  /** What we are to the other side: `node`, `tool`, …. */
  readonly role: string
  /** Grows with each start of a node that keeps its id; 0 when missing. */
  readonly incarnation?: number
}

const NAME_UNITS_MAX = 256

/** @throws EpicError `SettingsInvalid` */
export function checkIdentity(options: IdentityOptions): PeerIdentity {
  const identity: PeerIdentity = { incarnation: 0, ...options }
  for (const name of [identity.clusterId, identity.nodeId, identity.role]) {
    if (name.length > NAME_UNITS_MAX) {
      throw new EpicError(
        'SettingsInvalid',
        `Cannot use a name of over ${NAME_UNITS_MAX} characters in a handshake`,
      )
    }
  }
  if (!Number.isSafeInteger(identity.incarnation) || identity.incarnation < 0) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use ${identity.incarnation} as an incarnation: it is no whole number from 0 on`,
    )
  }
  return identity
}

export function encodeIdentity(identity: PeerIdentity): Uint8Array {
  const writer = new Writer()
  writer.string(identity.clusterId)
  writer.string(identity.nodeId)
  writer.string(identity.role)
  writer.varuint(identity.incarnation)
  return writer.take()
}

/** The identity in these bytes, or `undefined`. */
export function decodeIdentity(body: Uint8Array): PeerIdentity | undefined {
  const reader = new Reader()
  reader.reset(body)
  const clusterId = reader.string()
  const nodeId = reader.string()
  const role = reader.string()
  const incarnation = reader.varuint()
  return reader.failed ? undefined : { clusterId, nodeId, role, incarnation }
}

/** @throws EpicError `Incompatible`: who has proved itself may know why it does not fit. */
export function checkFits(raw: RawChannel, ours: PeerIdentity, theirs: PeerIdentity): void {
  if (theirs.clusterId !== ours.clusterId) {
    const clusters = `the cluster is "${ours.clusterId}" on one side, "${printable(theirs.clusterId)}" on the other`
    throw new EpicError('Incompatible', clusters)
  }
  if (theirs.nodeId === ours.nodeId && theirs.incarnation === ours.incarnation) {
    throw new EpicError('Incompatible', `both sides are node "${ours.nodeId}"`)
  }
}
