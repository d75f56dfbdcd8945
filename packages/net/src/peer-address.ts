/** Where a peer is, and how that is printed. */

/** The other end of a channel. */
export interface PeerAddress {
  /** The transport's name. */
  readonly transport: string
  /** A host for tcp; a path for unix; a name for the others. */
  readonly host: string
  readonly port?: number
  /** The IPv6 flow label; it matters when it is not 0. */
  readonly flow?: number
  /** The interface of a link-local IPv6 address; it matters because such an address means nothing without it. */
  readonly scope?: string
}

/**
 * Prints a peer as logs show it, with flow and scope only when they matter.
 * @example
 * printPeer({ transport: 'tcp', host: '::1', port: 3030 }) // '[S2S: ::1, 3030]'
 */
export function printPeer(peer: PeerAddress, label = 'S2S'): string {
  const parts = [peer.host]
  if (peer.port !== undefined) parts.push(String(peer.port))
  if (peer.flow !== undefined && peer.flow !== 0) parts.push(`flow 0x${peer.flow.toString(16)}`)
  if (peer.scope !== undefined && isLinkLocal(peer.host)) parts.push(`scope ${peer.scope}`)
  return `[${label}: ${parts.join(', ')}]`
}

/** Splits `fe80::1%eth0` into the address and its interface. */
export function peerFromSocket(host: string, port: number): PeerAddress {
  const percent = host.indexOf('%')
  if (percent < 0) return { transport: 'tcp', host, port }
  return { transport: 'tcp', host: host.slice(0, percent), port, scope: host.slice(percent + 1) }
}

/**
 * Whose attempts are counted together: an IPv4 address, or the /64 of an IPv6 address, since one machine may have all of it.
 * Whoever reaches us without a network cannot be told apart and is not counted.
 */
export function attemptsKey(peer: PeerAddress): string | undefined {
  if (peer.transport !== 'tcp') return undefined
  if (peer.host.startsWith('::ffff:')) return peer.host
  const [head = '', tail] = peer.host.split('::')
  const groups = head === '' ? [] : head.split(':')
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':')
  while (tail !== undefined && groups.length + tailGroups.length < 8) groups.push('0')
  return [...groups, ...tailGroups].slice(0, 4).join(':')
}

function isLinkLocal(host: string): boolean {
  return /^fe[89ab]/i.test(host)
}
