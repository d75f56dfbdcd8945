/**
 * Both sides prove that they hold the cluster key, then tell who they are.
 *
 * | step | from | message |
 * | --- | --- | --- |
 * | 1 | connecting | nonce C (32 bytes) |
 * | 2 | accepting | nonce S (32 bytes) |
 * | 3 | connecting | for each key that it accepts: HMAC(key, "prove" + "connecting" + C + S + binding) |
 * | 4 | accepting | HMAC(key, "prove" + "accepting" + …), identity, HMAC(key, "identity" + "accepting" + … + identity) |
 * | 5 | connecting | identity, HMAC(key, "identity" + "connecting" + … + identity) |
 *
 * What that gives, by attack:
 * - Without the key: the accepting side sends nothing but a random number before it has seen a proof, the connecting side only
 *   a proof over fresh numbers, which is worth nothing without the key. Neither says why it hung up.
 * - A recording, played back later or elsewhere: the other side's nonce is another.
 * - Reflection (our own messages sent back to us): the direction is part of what is proved, and a nonce equal to ours is refused.
 * - A relay between two honest sides: under TLS, the binding differs on its two streams. Without TLS a relay can read and
 *   change everything; that is what the warning about plain text says.
 * - A guess at a proof: compared in constant time, against every key, and all of them always.
 *
 * Who has proved the key and is of another cluster learns that (`Incompatible`), so that both sides can print it.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { EpicError } from '@epicserver/contracts'
import { CLUSTER_KEYS_MAX, ClusterKeyring } from './cluster-keyring.ts'
import type { ClusterKey } from './cluster-keyring.ts'
import type { Handshake, PeerIdentity, RawChannel } from './handshake.ts'
import { checkFits, checkIdentity, decodeIdentity, encodeIdentity } from './identity-message.ts'
import type { IdentityOptions } from './identity-message.ts'
import { printPeer } from './peer-address.ts'

const NONCE_BYTES = 32
const PROOF_BYTES = 32

type Side = 'connecting' | 'accepting'

/**
 * A handshake in which both sides prove that they hold the cluster key.
 * @example
 * const handshake = clusterKeyHandshake(key, { clusterId: 'eu-1', nodeId: 'n1', role: 'node' })
 * const pipe = createPipe({ transport: unixTransport(), handshake })
 */
export function clusterKeyHandshake(
  key: string | ClusterKeyring,
  options: IdentityOptions,
): Handshake {
  const keyring = typeof key === 'string' ? new ClusterKeyring(key) : key
  const identity = checkIdentity(options)
  return async (raw) => {
    const ours: Self = { raw, identity, keys: keyring.accepted().slice(0, CLUSTER_KEYS_MAX) }
    const theirs = raw.isConnecting ? await connect(ours) : await accept(ours)
    checkFits(raw, identity, theirs)
    return theirs
  }
}

/** What one side has when it begins. */
interface Self {
  readonly raw: RawChannel
  readonly identity: PeerIdentity
  readonly keys: readonly ClusterKey[]
}

async function connect({ raw, identity, keys }: Self): Promise<PeerIdentity> {
  const nonceC = randomBytes(NONCE_BYTES)
  raw.send(nonceC)
  const nonceS = await receiveNonce(raw, nonceC)
  const transcript = [nonceC, nonceS, raw.binding]
  raw.send(Buffer.concat(keys.map((key) => prove(key, 'connecting', transcript))))
  const answer = await raw.receive()
  const proof = answer.subarray(0, PROOF_BYTES)
  const key = findKey(keys, [proof], (candidate) => prove(candidate, 'accepting', transcript))
  if (key === undefined) throw refused(raw)
  const theirs = openIdentity(answer.subarray(PROOF_BYTES), { key, side: 'accepting', transcript })
  if (theirs === undefined) throw refused(raw)
  raw.send(sealIdentity(identity, { key, side: 'connecting', transcript }))
  return { ...theirs, keyId: key.id }
}

async function accept({ raw, identity, keys }: Self): Promise<PeerIdentity> {
  const nonceS = randomBytes(NONCE_BYTES)
  const nonceC = await receiveNonce(raw, nonceS)
  raw.send(nonceS)
  const transcript = [nonceC, nonceS, raw.binding]
  const proofs = splitProofs(await raw.receive())
  const key = findKey(keys, proofs, (candidate) => prove(candidate, 'connecting', transcript))
  if (key === undefined) throw refused(raw)
  const proof = prove(key, 'accepting', transcript)
  raw.send(Buffer.concat([proof, sealIdentity(identity, { key, side: 'accepting', transcript })]))
  const theirs = openIdentity(await raw.receive(), { key, side: 'connecting', transcript })
  if (theirs === undefined) throw refused(raw)
  return { ...theirs, keyId: key.id }
}

async function receiveNonce(raw: RawChannel, ours: Uint8Array): Promise<Uint8Array> {
  const nonce = await raw.receive()
  if (nonce.length !== NONCE_BYTES || timingSafeEqual(nonce, ours)) throw refused(raw)
  return nonce
}

/** What one side proves, or says of itself, is bound to all of this. */
interface Seal {
  readonly key: ClusterKey
  readonly side: Side
  readonly transcript: readonly Uint8Array[]
}

function prove(key: ClusterKey, side: Side, transcript: readonly Uint8Array[]): Buffer {
  return mac({ key, side, transcript }, 'prove')
}

/** Each part goes in behind its length: no two lists of parts give the same bytes. */
function mac({ key, side, transcript }: Seal, what: string, body?: Uint8Array): Buffer {
  const hmac = createHmac('sha256', key.proofKey)
  for (const part of [
    Buffer.from(what),
    Buffer.from(side),
    ...transcript,
    body ?? Buffer.alloc(0),
  ]) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(part.length)
    hmac.update(length).update(part)
  }
  return hmac.digest()
}

function splitProofs(message: Uint8Array): Uint8Array[] {
  const count = message.length / PROOF_BYTES
  if (!Number.isInteger(count) || count > CLUSTER_KEYS_MAX) return []
  return Array.from({ length: count }, (_, i) =>
    message.subarray(i * PROOF_BYTES, (i + 1) * PROOF_BYTES),
  )
}

/** The key that one of the proofs is for. Compares all with all, so that the time says nothing. */
function findKey(
  keys: readonly ClusterKey[],
  proofs: readonly Uint8Array[],
  expected: (key: ClusterKey) => Uint8Array,
): ClusterKey | undefined {
  let found: ClusterKey | undefined
  for (const key of keys) {
    const right = expected(key)
    for (const proof of proofs) {
      if (proof.length === right.length && timingSafeEqual(proof, right)) found ??= key
    }
  }
  return found
}

function sealIdentity(identity: PeerIdentity, seal: Seal): Buffer {
  const body = encodeIdentity(identity)
  return Buffer.concat([mac(seal, 'identity', body), body])
}

function openIdentity(message: Uint8Array, seal: Seal): PeerIdentity | undefined {
  const proof = message.subarray(0, PROOF_BYTES)
  const body = message.subarray(PROOF_BYTES)
  const right = mac(seal, 'identity', body)
  if (proof.length !== right.length || !timingSafeEqual(proof, right)) return undefined
  return decodeIdentity(body)
}

/** What is written here, and to nobody else. */
function refused(raw: RawChannel): EpicError {
  return new EpicError(
    'Unauthorized',
    `Cannot open a channel with ${printPeer(raw.peer)}: it did not prove the cluster key`,
  )
}
