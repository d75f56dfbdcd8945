/** Addresses of tcp as text: `[::1]:3030`, `127.0.0.1:3030`, `localhost:3030`, `:3030` for all addresses of this host. */
import { EpicError } from '@epicserver/contracts'

/** A host and a port. */
export interface TcpAddress {
  /** An IPv6 address may name its interface: `fe80::1%eth0`. */
  readonly host: string
  readonly port: number
}

/** All addresses of this host, of both kinds. */
const ANY_HOST = '::'

const ADDRESS = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/
const PORT_MAX = 65_535

/**
 * Reads `[::1]:3030`, `host:3030` or `:3030`, which is all addresses of this host.
 * @throws EpicError `SettingsInvalid`
 */
export function parseTcpAddress(text: string): TcpAddress {
  const match = ADDRESS.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > PORT_MAX) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot read "${text}" as an address: it has no "[host]:port" form`,
    )
  }
  const host = match[1] ?? match[2] ?? ''
  return { host: host === '' || host === '*' ? ANY_HOST : host, port }
}

/** Writes an address as {@link parseTcpAddress} reads it. */
export function formatTcpAddress({ host, port }: TcpAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether nothing but this host is behind the name. A name other than `localhost` may be anything. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^::ffff:/, '')
  return bare === '::1' || bare === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(bare)
}
