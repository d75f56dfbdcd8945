/**
 * How a stream of tcp is encrypted, and how its two ends know each other.
 *
 * TLS 1.3 only. With a cluster key it is TLS-PSK: the key is derived from the cluster key, the exchange adds X25519, so that
 * the key alone does not decrypt what was recorded. Who names a key that we do not have is answered as one who names a key
 * that we have and does not hold it. With certificates both sides show one that the same authority signed.
 *
 * Sessions are not resumed: a ticket would outlive the rotation of the key it came from.
 */
import { randomBytes } from 'node:crypto'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { ConnectionOptions, Server as TlsServer, TLSSocket, TlsOptions } from 'node:tls'
import type { Socket } from 'node:net'
import type { ClusterKey, ClusterKeyring } from '../cluster-keyring.ts'

/** A certificate with its key, and the authority whose certificates are accepted; as PEM. */
export interface TlsCertificate {
  readonly cert: string
  readonly key: string
  readonly ca: string
  /** The name in the certificates of the other nodes, where they do not carry the addresses that they are reached by. */
  readonly serverName?: string
}

/** How tcp is secured. `plain-text` is for whoever encrypts elsewhere, or stays on loopback. */
export type TcpSecurity =
  | { readonly clusterKeys: ClusterKeyring }
  | { readonly certificate: TlsCertificate }
  | 'plain-text'

/** The same without plain text. */
export type TlsSecurity = Exclude<TcpSecurity, 'plain-text'>

const TLS_13 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const
/** The suites of TLS 1.3 with SHA-256, which is what a pre-shared key given by callback is bound to. */
const PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256'
/** Seconds; the shortest there is. */
const SESSION_TIMEOUT_S = 1

const BINDING_BYTES = 32
const BINDING_LABEL = 'EXPORTER-epicserver-channel'

/** What the two ends of this stream know, and nobody else. */
export function bindingOf(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(BINDING_BYTES, BINDING_LABEL, Buffer.alloc(0))
}

/** Accepts TLS on sockets that are given to it by emitting `connection`. */
export function createTls(security: TlsSecurity): TlsServer {
  const shared: TlsOptions = {
    ...TLS_13,
    sessionTimeout: SESSION_TIMEOUT_S,
  }
  if ('certificate' in security) {
    const { cert, key, ca } = security.certificate
    return createTlsServer({
      ...shared,
      cert,
      key,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
    })
  }
  const { clusterKeys } = security
  return createTlsServer({
    ...shared,
    ciphers: PSK_CIPHERS,
    pskCallback: (_socket, identity) => {
      const known = clusterKeys.accepted().find(({ id }) => id === identity)
      return Buffer.from(known?.tlsKey ?? randomBytes(BINDING_BYTES))
    },
  })
}

/** Begins TLS on a socket that is connected, or connecting. */
export function startTls(
  socket: Socket,
  security: TlsSecurity,
  target: { host: string; key?: ClusterKey },
): TLSSocket {
  const shared: ConnectionOptions = { ...TLS_13, socket }
  if ('certificate' in security) {
    const { cert, key, ca, serverName } = security.certificate
    const name = serverName ?? target.host
    return connectTls({
      ...shared,
      cert,
      key,
      ca,
      host: name,
      ...(serverName === undefined ? {} : { servername: serverName }),
    })
  }
  const { key } = target
  return connectTls({
    ...shared,
    ciphers: PSK_CIPHERS,
    pskCallback: () =>
      key === undefined ? null : { psk: Buffer.from(key.tlsKey), identity: key.id },
    // Who holds the key is the other side; there is no certificate to look at.
    checkServerIdentity: () => undefined,
  })
}
