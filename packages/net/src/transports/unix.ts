/**
 * Unix sockets: the fastest way between two processes of one machine.
 *
 * The socket is 0600, in a folder that only we may write to; see `socket-path.ts`. A socket that nobody answers is left by a
 * process that was killed, and is replaced; one that answers is not.
 */
import { chmodSync, unlinkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server } from 'node:net'
import { EpicError } from '@epicserver/contracts'
import type { Link } from '../link.ts'
import type { PeerAddress } from '../peer-address.ts'
import { inspectSocketPath } from '../socket-path.ts'
import { SocketLink } from '../socket-link.ts'
import type { ListenEvents, Listening, Transport } from '../transport.ts'
import { whenConnected } from './connect-socket.ts'
import { socketError } from './socket-errors.ts'

const SOCKET_MODE = 0o600

/** Unix sockets; an address is a path. */
export function unixTransport(): Transport {
  return {
    name: 'unix',
    isProtected: () => true,
    listen,
    connect: open,
    describe: () => 'unix',
  }
}

async function listen(path: string, events: ListenEvents): Promise<Listening> {
  if (inspectSocketPath(path) === 'socket') await removeStale(path)
  const peer: PeerAddress = { transport: 'unix', host: path }
  const server = createServer((socket) => {
    const admission = events.admit(peer)
    if (admission === undefined) {
      socket.destroy()
      return
    }
    events.accepted(new SocketLink(socket, peer), admission)
  })
  await whenListening(server, path)
  server.on('error', (error) => events.handleTrouble(error))
  return {
    address: path,
    close: () => {
      // Removes the socket. Waits for nobody: what was accepted stays.
      server.close()
      return Promise.resolve()
    },
  }
}

async function open(path: string, signal: AbortSignal): Promise<Link> {
  const what = `connect to ${path}`
  if (inspectSocketPath(path) === 'nothing') {
    throw new EpicError('Unavailable', `Cannot ${what}: there is no such socket`)
  }
  const socket = connect(path)
  const link = new SocketLink(socket, { transport: 'unix', host: path })
  await whenConnected(socket, { event: 'connect', what, signal })
  return link
}

/** Binding is done when `listen` returns, and accepting begins later: nobody comes in between with other permissions. */
function whenListening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(socketError(`listen at ${path}`, error)))
    server.once('listening', () => {
      server.removeAllListeners('error')
      resolve()
    })
    server.listen(path)
    if (!server.listening) return
    try {
      chmodSync(path, SOCKET_MODE)
    } catch (error) {
      server.close()
      throw error
    }
  })
}

async function removeStale(path: string): Promise<void> {
  if (await isAnswered(path)) {
    throw new EpicError('Unavailable', `Cannot listen at ${path}: another process answers there`)
  }
  unlinkSync(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Refused, or gone meanwhile.
    socket.once('error', () => resolve(false))
  })
}
