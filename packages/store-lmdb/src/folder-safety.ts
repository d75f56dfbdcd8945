/**
 * Whether a data folder is the caller's own: nobody else may own it, write to it, or have led the way to it.
 *
 * A link on the way is refused, since whoever can change it chooses where the data goes. Links at the root of the file system are the
 * exception: only the system can make them, and some do (`/tmp` on macOS).
 */
import { chmod, lstat, mkdir, open } from 'node:fs/promises'
import { dirname, parse, resolve, sep } from 'node:path'
import { EpicError } from '@epicserver/contracts'
import { storageError } from './storage-error.ts'

/** Nobody else reads, writes or enters it. */
const PRIVATE = 0o700
const WRITABLE_BY_OTHERS = 0o022
const OTHERS = 0o077
/** What the system says where no folder can be: a file is on the way, or a name is none. */
const NO_PLACE_CODES: readonly unknown[] = [
  'ENOTDIR',
  'ENAMETOOLONG',
  'EINVAL',
  'ERR_INVALID_ARG_VALUE',
]

/**
 * Makes sure that there is a folder of the caller's own at `path`.
 * @throws EpicError `DataFolderUnsafe`, `FileNotFound` when it does not exist and must not be made, `StoreReadOnly`, `StoreFull`.
 */
export async function secureFolder(path: string, mayCreate: boolean): Promise<void> {
  await refuseLinks(path)
  if (mayCreate) await makeFolder(path)
  const found = await lstat(path).catch((error: unknown) => {
    throw new EpicError('FileNotFound', `Cannot open the data folder ${path}: it does not exist`, {
      cause: error,
    })
  })
  if (!found.isDirectory()) throw unsafe(path, 'it is not a folder')
  const me = process.geteuid?.()
  if (me !== undefined && found.uid !== me) {
    throw unsafe(path, `it belongs to user ${found.uid}, and this process runs as user ${me}`)
  }
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw unsafe(path, `others may write to it (mode ${(found.mode & 0o777).toString(8)})`)
  }
  if ((found.mode & OTHERS) !== 0) await chmod(path, PRIVATE)
}

/** Makes the names in a folder durable; a file that is synced need not have one yet. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Makes a private folder, and those above it, unless it is there. Not by `recursive`, which takes a read-only file system for a missing
 * folder, and never ends where no folder can be made, as below `/proc`.
 * @throws EpicError `StoreReadOnly`, `StoreFull`, `DataFolderUnsafe` where no folder can be.
 */
export async function makeFolder(path: string): Promise<void> {
  if ((await missingAbove(path)) === undefined) return
  await makeFolder(dirname(path))
  // What is still said to be missing, below a folder that is there, is no folder's place.
  const problem = await missingAbove(path)
  if (problem !== undefined) throw noPlace(path, problem)
}

/** Makes a folder; the system's error, when it says that the one above is missing. */
async function missingAbove(path: string): Promise<Error | undefined> {
  try {
    await mkdir(path, { mode: PRIVATE })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' && dirname(path) !== path) return error as Error
    if (NO_PLACE_CODES.includes(code)) throw noPlace(path, error as Error)
    if (code !== 'EEXIST') throw storageError(`make the folder ${path}`, dirname(path), error)
  }
  return undefined
}

async function refuseLinks(path: string): Promise<void> {
  const { root } = parse(resolve(path))
  let way = root
  for (const part of resolve(path).slice(root.length).split(sep)) {
    const above = way
    way = resolve(way, part)
    const found = await lstat(way).catch(() => undefined)
    if (found === undefined) return
    if (found.isSymbolicLink() && above !== root) throw unsafe(path, `${way} is a link`)
  }
}

function unsafe(path: string, found: string): EpicError {
  return new EpicError('DataFolderUnsafe', `Cannot use the data folder ${path}: ${found}`, {
    details: { path },
  })
}

function noPlace(path: string, cause: Error): EpicError {
  return new EpicError(
    'DataFolderUnsafe',
    `Cannot use the data folder ${path}: no folder can be made there (${cause.message})`,
    { cause, details: { path, remedy: 'Name a folder on a disk of yours with `--data`.' } },
  )
}
