/**
 * To which cluster a state store belongs: it bears the id of the first that used it.
 *
 * An engine and a state store that are not of one cluster must not be used together. With another engine views are numbered from the
 * start, so the epochs of all saved entities would be above every epoch that the new cluster gives, and no call would ever succeed; and
 * two clusters over one store would fence each other for ever. Better to say it before the first call.
 */
import { EpicError, type EntityId, type StateStore } from '@epicserver/contracts'

/** `$` begins what is the system's own. */
const OWNER: EntityId = { type: '$cluster', id: 'owner' }
const EPOCH = 1n

/** The id of the cluster that the store belongs to, if it belongs to any. */
export async function ownerOfState(store: StateStore): Promise<string | undefined> {
  const record = await store.read(OWNER)
  return record === null ? undefined : new TextDecoder().decode(record.bytes)
}

/**
 * @throws EpicError `Incompatible` when the store is another cluster's, and what the store throws
 */
export async function claimState(store: StateStore, clusterId: string): Promise<void> {
  const bytes = new TextEncoder().encode(clusterId)
  for (;;) {
    const owner = await ownerOfState(store)
    if (owner === clusterId) return
    if (owner !== undefined) {
      throw new EpicError(
        'Incompatible',
        `Cannot use the state store: it belongs to cluster ${owner}, and the engine to ${clusterId}. Bring back the engine's data; if it is lost for good, start with --adopt-state; or give this cluster another --cluster-name`,
      )
    }
    try {
      const { version } = await store.claim(OWNER, EPOCH)
      await store.write(OWNER, { epoch: EPOCH, version }, { bytes })
    } catch (error) {
      // Another machine was first, or it is not known who was: look again.
      if (!(error instanceof EpicError) || !['Fenced', 'Unknown'].includes(error.code)) throw error
    }
  }
}
