/**
 * Where the sockets of a running app lie: `run` in the data folder, or a short folder of the system's temporary one when the
 * data folder's path is too long for a socket (108 bytes on Linux).
 */
import { createHash } from 'node:crypto'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

const SOCKET_PATH_BYTES_MAX = 100
const LONGEST_NAME = '/node-1000-4194304.sock'

export function runFolderFor(dataFolder: string): string {
  const inside = join(resolve(dataFolder), 'run')
  if (Buffer.byteLength(inside + LONGEST_NAME) <= SOCKET_PATH_BYTES_MAX) return inside
  const name = createHash('sha256').update(resolve(dataFolder)).digest('hex').slice(0, 16)
  return join(tmpdir(), `epic-${userInfo().uid}-${name}`)
}
