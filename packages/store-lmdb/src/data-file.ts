/**
 * A look at the file of an environment before LMDB opens it, because there are two things that it does not survive.
 *
 * A file that is none of its own makes the `lmdb` package crash the process. And a file that was cut, by a copy that did not end or a
 * repair of the file system, is mapped as long as it says it is: touching what is missing ends the process with SIGBUS. Made as long
 * as it says, with zeros, it costs an error, for that page only.
 *
 * The first two pages each hold, behind 24 bytes of header: 4 magic · 4 version · 8 address · 8 size of the map · 4 page size …,
 * and from 120 on 8 last page · 8 number of the transaction; in the machine's byte order.
 */
import { constants, open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { EpicError } from '@epicserver/contracts'

const MAGIC = 0xbeefc0de
const VERSION = 2
const META_AT = 24
const META_BYTES = 136
const PAGE_BYTES_MIN = 512
const PAGE_BYTES_MAX = 65_536
const CHUNK_BYTES = 1024 * 1024

interface Meta {
  readonly magic: number
  readonly version: number
  readonly pageBytes: number
  readonly lastPage: number
}

/**
 * Checks the file of the environment in the folder `path`, if there is one, and makes it as long as it says it is.
 * @throws EpicError `CorruptRecord` for a file that is none of LMDB's, `StoreNewer`.
 */
export async function checkDataFile(path: string): Promise<void> {
  const name = join(path, 'data.mdb')
  const file = await openIfThere(name)
  if (file === undefined) return
  try {
    const { size } = await file.stat()
    if (size > 0) await lengthen(file, await checkMetas(name, file))
  } finally {
    await file.close()
  }
}

/** How long the file says that it is. */
async function checkMetas(name: string, file: FileHandle): Promise<number> {
  const first = await readMeta(file, 0)
  const isPageSize =
    first !== undefined && first.pageBytes >= PAGE_BYTES_MIN && first.pageBytes <= PAGE_BYTES_MAX
  if (first?.magic !== MAGIC || !isPageSize) throw foreign(name)
  if (first.version > VERSION) {
    throw new EpicError(
      'StoreNewer',
      `Cannot open ${name}: its format of LMDB is ${first.version}, ${VERSION} is known here`,
    )
  }
  const second = await readMeta(file, first.pageBytes)
  if (first.version < VERSION || second?.magic !== MAGIC) throw foreign(name)
  return (Math.max(first.lastPage, second.lastPage) + 1) * first.pageBytes
}

/** Adds zeros at the end, wherever that is by now: another process may be writing, and nothing of it may be cut or overwritten. */
async function lengthen(file: FileHandle, length: number): Promise<void> {
  const { size } = await file.stat()
  for (let missing = length - size; missing > 0; missing -= CHUNK_BYTES) {
    await file.appendFile(Buffer.alloc(Math.min(missing, CHUNK_BYTES)))
  }
}

async function readMeta(file: FileHandle, at: number): Promise<Meta | undefined> {
  const bytes = new DataView(new ArrayBuffer(META_BYTES))
  const { bytesRead } = await file.read(bytes, 0, META_BYTES, at + META_AT)
  if (bytesRead < META_BYTES) return undefined
  const isLittle = endianness() === 'LE'
  return {
    magic: bytes.getUint32(0, isLittle),
    version: bytes.getUint32(4, isLittle) & 0xffff,
    pageBytes: bytes.getUint32(24, isLittle),
    lastPage: Number(bytes.getBigUint64(120, isLittle)),
  }
}

/** Opened for writing where that is allowed; a folder that is not is refused by LMDB itself. */
async function openIfThere(name: string): Promise<FileHandle | undefined> {
  try {
    return await open(name, constants.O_RDWR | constants.O_APPEND)
  } catch {
    // Whatever keeps it from being opened here keeps LMDB from it, too, which then says so.
    return undefined
  }
}

function foreign(name: string): EpicError {
  return new EpicError('CorruptRecord', `Cannot open ${name}: it is no file of LMDB`, {
    details: { path: name },
  })
}
