/**
 * The cluster key, and its rotation.
 *
 * A cluster key is a secret of at least 128 bits that every node of a cluster holds. It is never used itself: keys for each
 * purpose are derived from it, so that what one of them is used for says nothing about another.
 *
 * Rotation without a restart: each node is told the new key and goes on accepting the old one for a stated time (`rotate`), or until
 * it is told otherwise (`replace`). Meanwhile nodes that were told and nodes that were not still meet: whoever proves offers a
 * proof for every key it accepts. After that only the new key counts.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { EpicError } from '@epicserver/contracts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'

/** Fewer bytes can be guessed. */
const KEY_BYTES_MIN = 16
/** A rotation within a rotation within a rotation. */
export const CLUSTER_KEYS_MAX = 4
const DERIVED_BYTES = 32
const ID_BYTES = 8
const SALT = 'epicserver cluster key, version 1'

/** What is derived from one cluster key. */
export interface ClusterKey {
  /** Names the key without saying anything about it. */
  readonly id: string
  /** Proves in a handshake that one has the key. */
  readonly proofKey: Uint8Array
  /** Encrypts a stream (TLS-PSK). */
  readonly tlsKey: Uint8Array
  /** Seals what is told to a whole network. */
  readonly beaconKey: Uint8Array
}

/** A fresh cluster key, as text. */
export function createClusterKey(): string {
  return randomBytes(DERIVED_BYTES).toString('base64url')
}

/** The cluster keys that count now. */
export class ClusterKeyring {
  readonly #clock: Clock
  #current: ClusterKey
  #older: { readonly key: ClusterKey; readonly until: number }[] = []

  /**
   * @param key - or several, of which the first is used and all are accepted
   * @throws EpicError `SettingsInvalid` when a key is too short, or there are too many
   */
  constructor(key: string | readonly string[], clock: Clock = systemClock) {
    this.#clock = clock
    const [current, ...others] = deriveKeys(typeof key === 'string' ? [key] : key)
    this.#current = current
    this.#older = forGood(others)
  }

  /**
   * Makes these the keys that count, and no others: the first is used, all are accepted.
   * @throws EpicError `SettingsInvalid` when there is none or there are too many, or one is too short; then nothing has changed
   */
  replace(keys: readonly string[]): void {
    const [current, ...others] = deriveKeys(keys)
    this.#current = current
    this.#older = forGood(others)
  }

  /** Makes another key the one to use, and accepts the one before for a while longer. */
  rotate(key: string, { acceptOldForMs }: { readonly acceptOldForMs: number }): void {
    const next = deriveKey(key)
    if (next.id === this.#current.id) return
    const until = this.#clock.now() + acceptOldForMs
    this.#older = [{ key: this.#current, until }, ...this.#older].filter(
      ({ key: { id } }) => id !== next.id,
    )
    this.#current = next
  }

  /** The keys that are accepted now, the newest first. */
  accepted(): readonly ClusterKey[] {
    const now = this.#clock.now()
    this.#older = this.#older.filter(({ until }) => now < until)
    return [this.#current, ...this.#older.map(({ key }) => key)]
  }

  /** Says how many keys count, and nothing about them. */
  describe(): string {
    return `cluster key, ${this.accepted().length} accepted`
  }
}

function deriveKeys(keys: readonly string[]): [ClusterKey, ...ClusterKey[]] {
  const [current, ...others] = keys.map((key) => deriveKey(key))
  if (current !== undefined && keys.length <= CLUSTER_KEYS_MAX) return [current, ...others]
  throw new EpicError(
    'SettingsInvalid',
    `Cannot use the cluster keys: there are ${keys.length}, and 1 to ${CLUSTER_KEYS_MAX} can count at once`,
  )
}

function forGood(
  keys: readonly ClusterKey[],
): { readonly key: ClusterKey; readonly until: number }[] {
  return keys.map((key) => ({ key, until: Infinity }))
}

function deriveKey(key: string): ClusterKey {
  const bytes = Buffer.byteLength(key)
  if (bytes < KEY_BYTES_MIN) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use the cluster key: it has ${bytes} of at least ${KEY_BYTES_MIN} bytes (createClusterKey() makes one)`,
    )
  }
  const derive = (purpose: string, size: number): Buffer =>
    Buffer.from(hkdfSync('sha256', key, SALT, purpose, size))
  return {
    id: derive('id', ID_BYTES).toString('hex'),
    proofKey: derive('proof', DERIVED_BYTES),
    tlsKey: derive('tls', DERIVED_BYTES),
    beaconKey: derive('beacon', DERIVED_BYTES),
  }
}
