/**
 * Both sides tell who they are, on a stream whose ends have proved themselves by certificates.
 *
 * There is no secret in it: TLS has asked both for a certificate of the same authority before the first byte. Whoever holds one
 * may be any node, as with a cluster key. On a stream that nobody has proved anything about it refuses to begin.
 */
import { EpicError } from '@epicserver/contracts'
import type { Handshake } from './handshake.ts'
import { checkFits, checkIdentity, decodeIdentity, encodeIdentity } from './identity-message.ts'
import type { IdentityOptions } from './identity-message.ts'
import { printPeer } from './peer-address.ts'

/**
 * A handshake for tcp that is secured by certificates.
 * @example
 * const handshake = certificateHandshake({ clusterId: 'eu-1', nodeId: 'n1', role: 'node' })
 * const pipe = createPipe({ transport: tcpTransport({ security: { certificate } }), handshake })
 */
export function certificateHandshake(options: IdentityOptions): Handshake {
  const ours = checkIdentity(options)
  return async (raw) => {
    if (raw.binding.length === 0) {
      throw new EpicError(
        'Unauthorized',
        `Cannot open a channel with ${printPeer(raw.peer)}: no certificate was shown on it`,
      )
    }
    raw.send(encodeIdentity(ours))
    const theirs = decodeIdentity(await raw.receive())
    if (theirs === undefined) {
      throw new EpicError(
        'ProtocolBroken',
        `Cannot open a channel with ${printPeer(raw.peer)}: it did not say who it is`,
        { retry: 'safe' },
      )
    }
    checkFits(raw, ours, theirs)
    return theirs
  }
}
