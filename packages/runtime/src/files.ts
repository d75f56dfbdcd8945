/** Files as an entity's code sees them; each request completes as a whole. */
import type { EntityNode } from './node.ts'

/** Performs file requests; the server's works on a folder, the simulator's in memory. */
export interface FileSystem {
  perform(request: FileRequest): Promise<unknown>
}

export type FileRequest = { readonly kind: 'file.read'; readonly path: string }

export interface EntityFiles {
  read(path: string): Promise<Uint8Array>
}

export function entityFiles(node: EntityNode): EntityFiles {
  return {
    read: (path) => node.ports.files.perform({ kind: 'file.read', path }) as Promise<Uint8Array>,
  }
}
