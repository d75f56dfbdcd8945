/**
 * A listening unix socket that only its owner can connect to.
 *
 * A socket's file stays behind when its process is killed. Whether anyone still listens is found out by connecting: only where
 * that is refused is the file removed. A link or a foreign file in the way is never touched. Two processes that find the same dead
 * file at once are kept apart by whoever owns the data folder, not here.
 */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Server } from 'node:net'
import { EpicError } from '@epicserver/contracts'
import { SOCKET_PATH_BYTES_MAX } from './limits.ts'

const OWNER_ONLY = 0o600
/** What is left out of the rights of a file made while it holds. */
const MASK_OTHERS = 0o177

/**
 * Listens at `path`.
 * @throws EpicError `SettingsInvalid` for a path that no socket can have, `DataFolderInUse` when someone listens there,
 * `DataFolderUnsafe` when something else is in the way.
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<void> {
  const bytes = Buffer.byteLength(path)
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot listen at "${path}": a socket's path has at most ${SOCKET_PATH_BYTES_MAX} bytes, this has ${bytes}`,
    )
  }
  await clearThePath(path)
  await listen(server, path)
  await chmod(path, OWNER_ONLY)
}

async function clearThePath(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return
  if (!found.isSocket() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new EpicError(
      'DataFolderUnsafe',
      `Cannot listen at "${path}": something that is no socket of ours is there`,
    )
  }
  if (await isAnswered(path)) {
    throw new EpicError('DataFolderInUse', `Cannot listen at "${path}": another process does`)
  }
  await unlink(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Refused, or gone in between: nobody listens.
    socket.on('error', () => resolve(false))
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // `listen` binds before it returns, so the socket never exists with more rights than these.
    const before = process.umask(MASK_OTHERS)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}
