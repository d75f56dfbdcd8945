/** Addresses of IPv4 and IPv6 as the bytes that A and AAAA records hold. */
import { isIPv4, isIPv6 } from 'node:net'

const IPV6_GROUPS = 8

/** The bytes of an address, 4 or 16, or `undefined` where it is none; an interface behind `%` is not part of them. */
export function bytesFromIp(text: string): Uint8Array | undefined {
  const bare = text.split('%', 1)[0] ?? ''
  if (isIPv4(bare)) return Uint8Array.from(bare.split('.').map(Number))
  if (!isIPv6(bare)) return undefined
  const bytes = new Uint8Array(2 * IPV6_GROUPS)
  groupsOf(bare).forEach((group, i) => {
    bytes[2 * i] = group >> 8
    bytes[2 * i + 1] = group & 0xff
  })
  return bytes
}

/** The address in 4 or 16 bytes, in the one form that is compared. */
export function ipFromBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: IPV6_GROUPS }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  )
  return canonicalIpv6(groups.join(':'))
}

/** An address that only means something on one link. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address)
}

function groupsOf(text: string): number[] {
  const [head = '', tail] = canonicalIpv6(text).split('::')
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  if (tail === undefined) return parse(head)
  const [before, after] = [parse(head), parse(tail)]
  const between = new Array<number>(IPV6_GROUPS - before.length - after.length).fill(0)
  return [...before, ...between, ...after]
}

/** Small letters, the longest row of zeros left out, no IPv4 at its end: as URLs have it. */
function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}
