/** Queries (placeholder while being written). */
import type { ClassDescription } from './class-description.ts'
import type { EntityNode } from './node.ts'

export interface Query<E> {
  readonly of: E | undefined
}

export function createQuery<E>(_node: EntityNode, _description: ClassDescription): Query<E> {
  return { of: undefined }
}
