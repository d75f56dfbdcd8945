/**
 * A state store for apps that save nothing: what is asked of it finds nothing, and what is to be kept is refused.
 *
 * In a cluster a store must be shared by all machines. An app whose entities are all in memory (`persistent: false`) needs none; that
 * they are is looked at when a node starts, so a refusal here is a durable task that somebody set.
 */
import {
  EpicError,
  type Claimed,
  type IndexStatus,
  type ScanPage,
  type StateStore,
  type StoredRecord,
  type Task,
} from '@epicserver/contracts'

export class NoStateStore implements StateStore {
  claim(): Promise<Claimed> {
    return Promise.resolve({ version: 0n, bytes: null })
  }

  read(): Promise<StoredRecord | null> {
    return Promise.resolve(null)
  }

  write(): Promise<bigint> {
    return refuse()
  }

  remove(): Promise<bigint> {
    return refuse()
  }

  due(): Promise<Task[]> {
    return Promise.resolve([])
  }

  scan(): Promise<ScanPage> {
    return Promise.resolve({ rows: [], next: null })
  }

  indexes(): Promise<IndexStatus[]> {
    return Promise.resolve([])
  }

  setIndex(): Promise<void> {
    return refuse()
  }

  dropIndex(): Promise<void> {
    return Promise.resolve()
  }

  reindex(): Promise<boolean> {
    return refuse()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function refuse(): Promise<never> {
  return Promise.reject(
    new EpicError(
      'StoreReadOnly',
      'Cannot save: this cluster runs without a state store (--state none)',
      { retry: 'never' },
    ),
  )
}
