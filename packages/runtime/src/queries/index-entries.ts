/** The index entries of an entity's state: one for each declared index, cut to what a store can keep. */
import { INDEX_KEY_BYTES_MAX, type IndexEntry } from '@epicserver/contracts'
import { encodeSortKey } from '@epicserver/wire'
import type { ClassDescription } from '../model/class-description.ts'
import { fieldOf, type State } from './query-expression.ts'

/** A key that is cut still sorts right against all that differ before the cut; the query looks at the state anyway. */
export function indexEntries(description: ClassDescription, state: State): IndexEntry[] {
  return description.indexes.map(({ name, fields }) => {
    const key = encodeSortKey(fields.map((field) => fieldOf(state, field)))
    return {
      index: name,
      key: key.length > INDEX_KEY_BYTES_MAX ? key.subarray(0, INDEX_KEY_BYTES_MAX) : key,
    }
  })
}
