import type { IndexEntry } from '@epicserver/contracts'
import type { ClassDescription } from './class-description.ts'

export function indexEntries(_description: ClassDescription, _instance: object): IndexEntry[] {
  return []
}
