/**
 * Files in a folder of the machine, and nowhere else.
 *
 * A path is refused when it is absolute (unless the app allows that folder), when it climbs, or when any part of it is a symbolic
 * link: each part is looked at before it is entered, and the file itself is opened without following links. Only plain files and
 * folders are served; devices, pipes and sockets are refused.
 */
import { constants, type Stats } from 'node:fs'
import { lstat, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { FileSyscall, FileSystem } from './files.ts'
import { makeFolders } from './make-folders.ts'
import type { FileStat } from './syscalls.ts'

const FILE_BYTES_MAX = 1024 * 1024 * 1024

export class FolderFiles implements FileSystem {
  readonly #root: string
  readonly #allowed: readonly string[]
  #writes = 0

  constructor(root: string, allowed: readonly string[] = []) {
    this.#root = resolve(root)
    this.#allowed = allowed.map((folder) => resolve(folder))
  }

  async perform(request: FileSyscall): Promise<unknown> {
    const path = await this.#confine(request.path)
    try {
      return await this.#do(request, path)
    } catch (error) {
      throw fileError(request, error)
    }
  }

  #do(request: FileSyscall, path: string): Promise<unknown> {
    switch (request.kind) {
      case 'file.read':
        return this.#read(path, request.offset ?? 0, request.length)
      case 'file.write':
        return request.offset === undefined
          ? this.#replace(path, request.data)
          : this.#writeAt(path, request.data, request.offset)
      case 'file.append':
        return this.#append(path, request.data)
      case 'file.stat':
        return this.#stat(path)
      case 'file.list':
        return readdir(path).then((names) => names.sort())
      case 'file.remove':
        return rm(path).then(() => undefined)
    }
  }

  async #read(path: string, offset: number, length: number | undefined): Promise<Uint8Array> {
    return await withFile(path, constants.O_RDONLY, async (file) => {
      const size = (await plainFile(file, path)).size
      const wanted = Math.max(0, Math.min(length ?? size, size - offset))
      if (wanted > FILE_BYTES_MAX)
        throw new EpicError(
          'FileFailed',
          `Cannot read "${path}" at once: ${wanted} of at most ${FILE_BYTES_MAX} bytes`,
          { retry: 'never' },
        )
      const bytes = new Uint8Array(wanted)
      let read = 0
      while (read < wanted) {
        const { bytesRead } = await file.read(bytes, read, wanted - read, offset + read)
        if (bytesRead === 0) break
        read += bytesRead
      }
      return bytes.subarray(0, read)
    })
  }

  /** Writes beside the file and renames, so that a crash leaves the old or the new. */
  async #replace(path: string, data: Uint8Array): Promise<void> {
    await makeFolders(dirname(path), 0o700)
    const beside = `${path}.${process.pid}.${(this.#writes += 1)}.new`
    try {
      await withFile(
        beside,
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
        async (file) => {
          await file.writeFile(data)
          await file.sync()
        },
      )
      await rename(beside, path)
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
  }

  async #writeAt(path: string, data: Uint8Array, offset: number): Promise<void> {
    await withFile(path, constants.O_WRONLY, async (file) => {
      await plainFile(file, path)
      let written = 0
      while (written < data.length)
        written += (await file.write(data, written, data.length - written, offset + written))
          .bytesWritten
      await file.datasync()
    })
  }

  async #append(path: string, data: Uint8Array): Promise<void> {
    await makeFolders(dirname(path), 0o700)
    await withFile(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
      async (file) => {
        await plainFile(file, path)
        await file.appendFile(data)
        await file.datasync()
      },
    )
  }

  async #stat(path: string): Promise<FileStat> {
    const found = await lstat(path)
    if (!found.isFile() && !found.isDirectory())
      throw outside(path, 'it is neither a file nor a folder')
    return {
      kind: found.isFile() ? 'file' : 'folder',
      bytes: found.size,
      modifiedMs: found.mtimeMs,
    }
  }

  async #confine(path: string): Promise<string> {
    if (path.includes('\0')) throw outside(path, 'it holds a NUL')
    const root = this.#rootOf(path)
    const inside = relative(root, resolve(root, path))
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
      throw outside(path, 'it leads out of the folder')
    let walked = root
    for (const part of inside === '' ? [] : inside.split(sep)) {
      walked = join(walked, part)
      const found = await lstat(walked).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
        throw fileError({ kind: 'file.stat', path }, error)
      })
      if (found === undefined) break
      if (found.isSymbolicLink()) throw outside(path, `"${part}" is a symbolic link`)
    }
    return resolve(root, path)
  }

  #rootOf(path: string): string {
    if (!isAbsolute(path)) return this.#root
    const root = this.#allowed.find((folder) => path === folder || path.startsWith(folder + sep))
    if (root === undefined)
      throw outside(path, 'it is absolute, and the app does not allow that folder')
    return root
  }
}

async function withFile<T>(
  path: string,
  flags: number,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

async function plainFile(file: FileHandle, path: string): Promise<Stats> {
  const found = await file.stat()
  if (!found.isFile()) throw outside(path, 'it is not a plain file')
  return found
}

function outside(path: string, why: string): EpicError {
  return new EpicError('FileOutside', `Cannot use the file "${path}": ${why}`)
}

function fileError(request: FileSyscall, error: unknown): EpicError {
  if (isEpicError(error)) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT')
    return new EpicError(
      'FileNotFound',
      `Cannot ${request.kind.slice(5)} "${request.path}": there is no such file`,
    )
  if (code === 'ELOOP') return outside(request.path, 'it is a symbolic link')
  if (code === 'ENOSPC')
    return new EpicError(
      'StoreFull',
      `Cannot ${request.kind.slice(5)} "${request.path}": the disk is full`,
    )
  return new EpicError(
    'FileFailed',
    `Cannot ${request.kind.slice(5)} "${request.path}": ${message}`,
    { cause: error },
  )
}
