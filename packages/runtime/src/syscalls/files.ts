/** Files as an entity's code sees them: ordinary names, each request completing as a whole. */
import type { FileStat, Submit, Syscall } from './syscalls.ts'

export type FileSyscall = Extract<Syscall, { kind: `file.${string}` }>

/** Performs file requests: the server's in a folder, the simulator's in memory. */
export interface FileSystem {
  perform(request: FileSyscall): Promise<unknown>
}

/** An open file: a name to read from and write to by offset. */
export interface EntityFile {
  readonly path: string
  /** So many bytes from there; fewer where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Writes from there on; what is behind stays. */
  write(data: Uint8Array | string, offset: number): Promise<void>
  /** Adds at the end. */
  append(data: Uint8Array | string): Promise<void>
  /** How large it is, and what. */
  stat(): Promise<FileStat>
}

/** Files below the app's data folder, by relative path. */
export interface EntityFiles {
  /**
   * Opens a file for reading and writing by offset.
   * @throws EpicError `FileNotFound` unless `create` is set
   */
  open(path: string, options?: { readonly create?: boolean }): Promise<EntityFile>
  /** The whole file. */
  read(path: string): Promise<Uint8Array>
  /** The whole file as text in UTF-8. */
  readText(path: string): Promise<string>
  /** Replaces the whole file: whoever reads sees all of the old or all of the new. */
  write(path: string, data: Uint8Array | string): Promise<void>
  /** Adds at the end, and makes the file where there is none. */
  append(path: string, data: Uint8Array | string): Promise<void>
  /** How large it is, and whether it is a file or a folder. */
  stat(path: string): Promise<FileStat>
  /** The names in a folder, sorted. */
  list(path?: string): Promise<readonly string[]>
  /** Takes a file away. */
  remove(path: string): Promise<void>
}

const bytesOf = (data: Uint8Array | string): Uint8Array =>
  typeof data === 'string' ? Buffer.from(data) : data

export function entityFiles(submit: Submit): EntityFiles {
  const read = (path: string): Promise<Uint8Array> => submit({ kind: 'file.read', path }).promise
  const write = async (path: string, data: Uint8Array | string): Promise<void> => {
    await submit({ kind: 'file.write', path, data: bytesOf(data) }).promise
  }
  const append = async (path: string, data: Uint8Array | string): Promise<void> => {
    await submit({ kind: 'file.append', path, data: bytesOf(data) }).promise
  }
  const stat = (path: string): Promise<FileStat> => submit({ kind: 'file.stat', path }).promise
  return {
    read,
    write,
    append,
    stat,
    readText: async (path) => Buffer.from(await read(path)).toString('utf8'),
    list: (path = '.') => submit({ kind: 'file.list', path }).promise,
    remove: async (path) => {
      await submit({ kind: 'file.remove', path }).promise
    },
    open: async (path, options = {}) => {
      if (options.create === true) await append(path, new Uint8Array())
      else await stat(path)
      return {
        path,
        read: (offset, length) => submit({ kind: 'file.read', path, offset, length }).promise,
        write: async (data, offset) => {
          await submit({ kind: 'file.write', path, data: bytesOf(data), offset }).promise
        },
        append: (data) => append(path, data),
        stat: () => stat(path),
      }
    },
  }
}
