/**
 * Where the database is, and how the way there is secured.
 *
 * Plain text to another machine is refused unless it is asked for by name, because whoever can listen on that wire could be any
 * node. `sslmode` in the address counts as PostgreSQL's own tools count it.
 */
import { isIP } from 'node:net'
import { EpicError } from '@epicserver/contracts'
import { hostsOf } from './hosts.ts'

/** Certificates, in PEM. */
export interface TlsOptions {
  /** Who signed the server's certificate; the system's authorities unless given. */
  readonly ca?: string
  /** What this client shows of itself. */
  readonly cert?: string
  readonly key?: string
  /** The name that the server's certificate bears, where it is not that of its address. */
  readonly servername?: string
}

/** What the driver is told about encryption; `host` is whom the certificate must name where that is an IP address. */
export type Encryption = false | 'require' | (TlsOptions & { readonly host?: string })

/**
 * Reads an address of the form `postgres://user:password@host:port/database`.
 * @throws EpicError `SettingsInvalid`; the password is not repeated in it.
 */
export function encryptionOf(
  address: string,
  options: { tls?: TlsOptions | undefined; allowPlainText?: boolean | undefined },
): Encryption {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot use the address of the database: it has no "postgres://user@host/database" form',
    )
  }
  const mode = url.searchParams.get('sslmode')
  if (options.tls !== undefined) return named(address, options.tls)
  if (mode === 'verify-full' || mode === 'verify-ca') return named(address, {})
  if (mode === 'require') return 'require'
  if (options.allowPlainText === true || isLocal(url)) return false
  throw new EpicError(
    'SettingsInvalid',
    `Cannot use the database at ${url.host}: it is another machine, and neither \`tls\` nor sslmode is set; set \`allowPlainText\` if its network is yours alone`,
  )
}

/**
 * The driver names a host to TLS only where it is a name, and without one certificates are compared with `localhost`. Where all are
 * IP addresses and there are several, `servername` must say what their certificates have in common.
 */
function named(address: string, tls: TlsOptions): Encryption {
  const { host } = hostsOf(address) as unknown as { readonly host?: readonly string[] }
  const [first, ...more] = host ?? []
  if (tls.servername !== undefined || first === undefined || more.length > 0) return tls
  return isIP(first) === 0 ? tls : { ...tls, host: first }
}

/** A unix socket, or loopback. */
function isLocal(url: URL): boolean {
  const host = decodeURIComponent(url.hostname)
  const hosts = host === '' ? [url.searchParams.get('host') ?? 'localhost'] : host.split(',')
  return hosts.every((one) => {
    if (one === 'localhost' || one === '[::1]' || one.startsWith('/')) return true
    return isIP(one) === 4 && one.startsWith('127.')
  })
}
