/**
 * What a machine tells the network about itself, sealed so that nobody else can say it.
 *
 * A beacon says: here is a machine of some cluster, at these addresses and this port. It carries no secret: the cluster is a tag that
 * only who holds the key can make or recognise, and a stamp and a code under the key keep others from inventing, changing or replaying
 * one for long. What it names is only where to knock: who answers there must prove the key all the same.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { STAMP_S_MAX } from './limits.ts'

/** A machine that can be asked for its cluster. */
export interface Beacon {
  /** Its name on the network: letters, digits and hyphens. */
  readonly instance: string
  readonly port: number
  /** Without interfaces; the best first. */
  readonly addresses: readonly string[]
}

/** What one reads of a beacon besides what it says. */
export type SealVerdict =
  /** Of this cluster, now. */
  | 'ours'
  /** Of another cluster, or none of ours. */
  | 'foreign'
  /** Made under the key, but not within the last half minute by this machine's clock. */
  | 'stale'
  /** It bears our tag, and was not made under our key. */
  | 'forged'

/** The entries beside a beacon. */
export type SealEntries = ReadonlyMap<string, string>

const FORMAT = '1'
const TAG_BYTES = 8
const CODE_BYTES = 16

/** The seal of one cluster; while its key is rotated it knows several. */
export class BeaconSeal {
  readonly #keys: readonly { readonly key: Uint8Array; readonly tag: string }[]

  /**
   * @param keys - derived from the cluster keys that count, the newest first
   * @param cluster - the cluster's name: clusters with one key and several names are several
   */
  constructor(keys: readonly Uint8Array[], cluster: string) {
    this.#keys = keys.map((key) => ({ key, tag: codeOf(key, ['tag', cluster], TAG_BYTES) }))
  }

  seal(beacon: Beacon, wallMs: number): SealEntries {
    const [newest] = this.#keys
    if (newest === undefined) throw new Error('A seal has a key')
    const stamp = String(Math.floor(wallMs / 1000))
    return new Map([
      ['v', FORMAT],
      ['c', newest.tag],
      ['t', stamp],
      ['m', codeOf(newest.key, partsOf(beacon, stamp), CODE_BYTES)],
    ])
  }

  judge(beacon: Beacon, entries: SealEntries, wallMs: number): SealVerdict {
    const known = this.#keys.find(({ tag }) => tag === entries.get('c'))
    if (known === undefined || entries.get('v') !== FORMAT) return 'foreign'
    const stamp = entries.get('t') ?? ''
    const right = codeOf(known.key, partsOf(beacon, stamp), CODE_BYTES)
    if (!isSame(right, entries.get('m') ?? '')) return 'forged'
    const ageS = Math.abs(wallMs / 1000 - Number(stamp))
    return ageS <= STAMP_S_MAX ? 'ours' : 'stale'
  }
}

function partsOf({ instance, port, addresses }: Beacon, stamp: string): string[] {
  return ['beacon', instance, String(port), stamp, ...addresses.toSorted()]
}

/** Each part goes in behind its length: no two rows of parts give the same bytes. */
function codeOf(key: Uint8Array, parts: readonly string[], bytes: number): string {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part)
  return hmac.digest().subarray(0, bytes).toString('hex')
}

function isSame(right: string, given: string): boolean {
  const [a, b] = [Buffer.from(right), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}
