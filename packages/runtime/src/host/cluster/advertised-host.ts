/**
 * By which address other machines reach this one, where nobody said it.
 *
 * A host that is listened on is that address. Listening on all, the first of this host's own addresses is taken, in this order: global
 * IPv6, unique local IPv6, IPv4, link-local IPv6 with its interface. The other side may be behind a translation of addresses that
 * this host cannot know of; then it must be said.
 */
import type { NetworkInterfaceInfo } from 'node:os'

/** What `os.networkInterfaces()` gives. */
export type NetworkInterfaces = Readonly<Record<string, NetworkInterfaceInfo[] | undefined>>

/** `undefined` when this host has no address but loopback. */
export function advertisedHost(
  listenHost: string,
  interfaces: NetworkInterfaces,
): string | undefined {
  if (listenHost !== '::' && listenHost !== '0.0.0.0') return listenHost
  const candidates = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ internal, family }) => !internal && (listenHost === '::' || family === 'IPv4'))
      .map((info) => ({ rank: rankOf(info), host: hostOf(info, name) })),
  )
  candidates.sort((a, b) => a.rank - b.rank)
  return candidates[0]?.host
}

function rankOf({ family, address }: NetworkInterfaceInfo): number {
  if (family === 'IPv4') return 2
  if (/^fe[89ab]/i.test(address)) return 3
  return /^f[cd]/i.test(address) ? 1 : 0
}

function hostOf(info: NetworkInterfaceInfo, name: string): string {
  return rankOf(info) === 3 ? `${info.address}%${name}` : info.address
}
