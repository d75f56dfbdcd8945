/** Files of one simulated host, in memory: they outlive its processes, and each request completes as a whole. */
import { EpicError } from '@epicserver/contracts'
import type { FileStat, FileSyscall, FileSystem } from '@epicserver/runtime'

interface StoredFile {
  readonly bytes: Uint8Array
  readonly modifiedMs: number
}

export class SimulatedFiles implements FileSystem {
  readonly #files = new Map<string, StoredFile>()
  readonly #wallMs: () => number

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  perform(request: FileSyscall): Promise<unknown> {
    // As a promise, so that what is refused rejects and never throws.
    return Promise.resolve().then(() => this.#do(request))
  }

  #do(request: FileSyscall): unknown {
    const path = confined(request.path)
    switch (request.kind) {
      case 'file.read': {
        const { bytes } = this.#file(path)
        const offset = request.offset ?? 0
        return bytes.slice(offset, offset + (request.length ?? bytes.length))
      }
      case 'file.write':
        return this.#write(path, request.data, request.offset)
      case 'file.append':
        return this.#write(path, request.data, this.#files.get(path)?.bytes.length ?? 0)
      case 'file.stat':
        return this.#stat(path)
      case 'file.list':
        return this.#list(path)
      case 'file.remove':
        this.#file(path)
        this.#files.delete(path)
        return undefined
    }
  }

  #write(path: string, data: Uint8Array, offset: number | undefined): undefined {
    const before =
      offset === undefined ? new Uint8Array() : (this.#files.get(path)?.bytes ?? new Uint8Array())
    const start = offset ?? 0
    const bytes = new Uint8Array(Math.max(before.length, start + data.length))
    bytes.set(before)
    bytes.set(data, start)
    this.#files.set(path, { bytes, modifiedMs: this.#wallMs() })
  }

  #stat(path: string): FileStat {
    if (this.#list(path).length > 0) return { kind: 'folder', bytes: 0, modifiedMs: 0 }
    const { bytes, modifiedMs } = this.#file(path)
    return { kind: 'file', bytes: bytes.length, modifiedMs }
  }

  #list(path: string): string[] {
    const prefix = path === '' ? '' : `${path}/`
    const below = [...this.#files.keys()].filter((name) => name.startsWith(prefix))
    const names = new Set(below.map((name) => name.slice(prefix.length).split('/')[0] as string))
    return [...names].toSorted()
  }

  #file(path: string): StoredFile {
    const file = this.#files.get(path)
    if (file === undefined) throw new EpicError('FileNotFound', `Cannot find the file "${path}"`)
    return file
  }
}

/** The rules of paths are those of the server's folder: relative, and without a way out. */
function confined(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/') || parts.includes('..')) {
    throw new EpicError('FileOutside', `Cannot use "${path}": it leaves the app's folder`)
  }
  return parts.join('/')
}
