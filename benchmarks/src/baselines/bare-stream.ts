/**
 * The streams under the bare batched loop: a unix socket, tcp, or tcp with TLS 1.3 by a shared key, as nodes of different machines
 * speak by default.
 */

import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'

export type StreamKind = 'unix' | 'tcp' | 'tls'

/** How the process that listens can be reached: the port it got, or the path it was given. */
export type StreamAddress = number | string

const psk = Buffer.alloc(32, 'bench')
const tls = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const
const loopback = '::1'

/** @throws AssertionError when it is none of them. */
export function streamKindOf(text: string | undefined): StreamKind {
  assert(text === 'unix' || text === 'tcp' || text === 'tls', `There is no stream "${text}"`)
  return text
}

/** Listens; resolves with the address, for a unix socket the path that was given. */
export function listen(
  kind: StreamKind,
  path: string,
  onSocket: (socket: Socket) => void,
): Promise<StreamAddress> {
  const server: Server =
    kind === 'tls'
      ? createTlsServer({ ...tls, pskCallback: () => psk }, onSocket)
      : createServer({ noDelay: true }, onSocket)
  return new Promise((resolve) => {
    if (kind === 'unix') server.listen(path, () => resolve(path))
    else server.listen(0, loopback, () => resolve((server.address() as { port: number }).port))
  })
}

export function connectTo(kind: StreamKind, address: StreamAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket =
      kind === 'unix' ? connect(String(address)) : connect(Number(address), loopback)
    socket.setNoDelay(true)
    const stream =
      kind === 'tls'
        ? connectTls({
            ...tls,
            socket,
            pskCallback: () => ({ psk, identity: 'bench' }),
            checkServerIdentity: () => undefined,
          })
        : socket
    stream.once(kind === 'tls' ? 'secureConnect' : 'connect', () => resolve(stream))
    stream.once('error', reject)
  })
}
