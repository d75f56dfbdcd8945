/**
 * Whether a unix socket may be made or used at a path.
 *
 * Whoever can write to the folder can put another socket in its place, and whoever can connect to the socket talks to us. So
 * the folder must be a real one, ours alone to write to, and what lies at the path must be a socket of ours and no link. The
 * kernel enforces the rest: connecting takes write permission, and the socket is 0600.
 */
import { lstatSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { EpicError } from '@epicserver/contracts'

/** The smallest `sun_path` among systems (macOS; Linux has 108), less its end. */
const SOCKET_PATH_BYTES_MAX = 103

const WRITABLE_BY_OTHERS = 0o022

/** What lies at the path. @throws EpicError `DataFolderUnsafe`, `SettingsInvalid`. */
export function inspectSocketPath(path: string): 'socket' | 'nothing' {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use the socket ${path}: the path takes over ${SOCKET_PATH_BYTES_MAX} bytes`,
    )
  }
  const folder = dirname(path)
  const folderStats = statsOf(folder)
  if (folderStats === undefined) throw unsafe(path, `there is no folder ${folder}`)
  if (!folderStats.isDirectory()) throw unsafe(path, `${folder} is a link, or no folder`)
  if (!isOurs(folderStats)) throw unsafe(path, `${folder} belongs to user ${folderStats.uid}`)
  if ((folderStats.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw unsafe(
      path,
      `others may write to ${folder} (mode ${(folderStats.mode & 0o777).toString(8)})`,
    )
  }
  const stats = statsOf(path)
  if (stats === undefined) return 'nothing'
  if (!stats.isSocket())
    throw unsafe(path, stats.isSymbolicLink() ? 'it is a link' : 'it is no socket')
  if (!isOurs(stats)) throw unsafe(path, `it belongs to user ${stats.uid}`)
  return 'socket'
}

function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

/** Where there are no users, nobody else can be. */
function isOurs(stats: Stats): boolean {
  return process.getuid === undefined || stats.uid === process.getuid()
}

function unsafe(path: string, found: string): EpicError {
  return new EpicError('DataFolderUnsafe', `Cannot use the socket ${path}: ${found}`)
}
