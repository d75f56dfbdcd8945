/**
 * Which of the 1,024 partitions an entity belongs to.
 *
 * The answer is written into data folders and databases, so it never changes: FNV-1a over the UTF-16 units of `type`, a slash
 * and `id`, then the finaliser of MurmurHash3 (FNV alone leaves the low bits of short ids uneven).
 */
import { PARTITIONS } from './limits.ts'

/** The partition of an entity: a whole number from 0 to 1,023. */
export function partitionOf(type: string, id: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < type.length; i += 1) hash = mix(hash, type.charCodeAt(i))
  hash = mix(hash, 0x2f)
  for (let i = 0; i < id.length; i += 1) hash = mix(hash, id.charCodeAt(i))
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  hash ^= hash >>> 16
  return (hash >>> 0) & (PARTITIONS - 1)
}

function mix(hash: number, unit: number): number {
  const low = Math.imul(hash ^ (unit & 0xff), 0x01000193)
  return unit < 0x100 ? low : Math.imul(low ^ (unit >>> 8), 0x01000193)
}
