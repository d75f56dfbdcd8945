/**
 * How a connection to etcd is secured, and when it need not be.
 *
 * Certificates are given as texts, not as paths: where they come from is the owner's matter. Plain text to another machine is
 * refused unless it is asked for by name, because whoever can listen on that wire could be any node.
 */
import { isIP } from 'node:net'
import { EpicError } from '@epicserver/contracts'

/** Certificates, in PEM. */
export interface TlsOptions {
  /** Who signed the servers' certificates; the system's authorities unless given. */
  readonly ca?: string
  /** What this client shows of itself. */
  readonly cert?: string
  readonly key?: string
  /** The name that the servers' certificates bear, where it is not that of the endpoint. */
  readonly servername?: string
}

/**
 * Checks the servers' addresses.
 * @throws EpicError `SettingsInvalid`
 */
export function checkEndpoints(endpoints: readonly string[], isPlainTextAllowed: boolean): void {
  if (endpoints.length === 0) {
    throw new EpicError('SettingsInvalid', 'Cannot use etcd: no endpoint is given')
  }
  for (const endpoint of endpoints) checkEndpoint(endpoint, isPlainTextAllowed)
}

function checkEndpoint(endpoint: string, isPlainTextAllowed: boolean): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use the etcd endpoint ${JSON.stringify(endpoint)}: it is no http:// or https:// address`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot use an etcd endpoint with a password in it: give `auth`',
    )
  }
  if (url.protocol === 'https:' || isPlainTextAllowed || isLoopback(url.hostname)) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot use the etcd endpoint ${endpoint}: it is another machine and not https://; set \`allowPlainText\` if its network is yours alone`,
  )
}

function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true
  return isIP(hostname) === 4 && hostname.startsWith('127.')
}
