/**
 * The hosts that an address names, for the driver: it splits them at colons itself, which leaves nothing of an IPv6 address.
 */

/**
 * As the driver's declaration has them, which says less than there is: they are lists. Nothing where the address names no host, or a
 * unix socket.
 */
export interface Hosts {
  readonly host?: string
  readonly port?: number
}

const DEFAULT_PORT = 5432
const AUTHORITY = /^postgres(?:ql)?:\/\/(?:[^/?]*@)?([^/?]*)/
const ONE = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/

/** Reads the hosts of an address of the form `postgres://user@host:port,[::1]:port/database`. */
export function hostsOf(address: string): Hosts {
  const [, authority = ''] = AUTHORITY.exec(address) ?? []
  const named = decodeURIComponent(authority)
  if (named === '' || named.startsWith('/')) return {}
  const parts = named.split(',').map((each) => ONE.exec(each))
  const lists = {
    host: parts.map((part) => part?.[1] ?? part?.[2] ?? ''),
    port: parts.map((part) => Number(part?.[3] ?? DEFAULT_PORT)),
  }
  return lists as unknown as Hosts
}
