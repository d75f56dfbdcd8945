/**
 * Going on with saved entities when the engine has lost its data, or was put back to an older state.
 *
 * The engine numbers the views, and with them the epochs under which entities are saved. One that starts again from an earlier number
 * gives epochs below those in the store, and every call would be refused. So the engine is told two things before anybody joins: the id
 * of the cluster that the state store belongs to, and a view without members whose number is that of the highest epoch saved. Whoever
 * joins proposes the next one. Everything else that the engine knew comes with the nodes, except that the app's `setup` runs again.
 *
 * Only a person can say that the data is lost, and that no machine of the cluster runs on elsewhere; hence the option. An engine in
 * which another cluster has run is left alone.
 */
import {
  EpicError,
  PARTITIONS,
  partitionEpochOf,
  type Cmp,
  type ClusterStore,
  type Rec,
} from '@epicserver/contracts'
import { decodeView, encodeView, recordKeys, type View } from '@epicserver/fabric'
import type { Log } from '../../log.ts'
import { KEY_PREFIX, livingMembers } from '../members.ts'
import { CHARTER_KEY, decodeCharter, encodeCharter, type Agreement } from './charter.ts'
import type { SharedState } from './state-address.ts'
import { ownerOfState } from './state-owner.ts'

export interface AdoptStateOptions {
  readonly engine: ClusterStore
  readonly state: Pick<SharedState, 'store' | 'highestEpoch'>
  readonly agreement: Agreement
  readonly log: Log
}

/**
 * Makes the engine that of the cluster whose entities are saved. Does nothing where it is so already, and where nothing was saved.
 * @throws EpicError `Unavailable` while nodes live at the engine, `Incompatible` when another cluster has run there, and what the stores
 * throw
 */
export async function adoptState({
  engine,
  state,
  agreement,
  log,
}: AdoptStateOptions): Promise<void> {
  const clusterId = await ownerOfState(state.store)
  if (clusterId === undefined) return
  const viewNo = partitionEpochOf(await state.highestEpoch())
  const { view: viewKey } = recordKeys(KEY_PREFIX)
  for (;;) {
    const [charter, view] = [await engine.get(CHARTER_KEY), await engine.get(viewKey)]
    if (isSettled({ charter, view, clusterId, viewNo })) return
    await refuseLiving(engine)
    const { ok } = await engine.txn({
      if: [unchanged(CHARTER_KEY, charter), unchanged(viewKey, view)],
      then: [
        { op: 'put', key: CHARTER_KEY, value: encodeCharter({ clusterId, agreement }) },
        { op: 'put', key: viewKey, value: encodeView(emptyView(viewNo)) },
      ],
    })
    if (!ok) continue
    log.warn('what is saved was adopted: the engine knew nothing of it', { clusterId, viewNo })
    return
  }
}

interface Found {
  readonly charter: Rec | null
  readonly view: Rec | null
  readonly clusterId: string
  readonly viewNo: number
}

/** Whether the engine knows enough. A charter without a view was written by a machine that was refused then. */
function isSettled({ charter, view, clusterId, viewNo }: Found): boolean {
  const found = charter === null ? undefined : decodeCharter(charter).clusterId
  if (found !== undefined && found !== clusterId && view !== null) {
    throw new EpicError(
      'Incompatible',
      `Cannot adopt what cluster ${clusterId} has saved: cluster ${found} has run on this engine. Name an engine of its own, or give this cluster another --cluster-name`,
    )
  }
  return found === clusterId && view !== null && viewNoOf(view) >= viewNo
}

function viewNoOf({ value }: Rec): number {
  const decoded = decodeView(value)
  if (decoded.ok) return decoded.view.viewNo
  throw new EpicError(
    'CorruptRecord',
    `Cannot read the cluster's view at the engine: ${decoded.problem}`,
  )
}

/** Nobody may be pulled into another view of things; leases that came back with a backup end by themselves. */
async function refuseLiving(engine: ClusterStore): Promise<void> {
  const { length } = await livingMembers(engine)
  if (length === 0) return
  throw new EpicError(
    'Unavailable',
    `Cannot adopt what is saved while ${length} nodes live at the engine: stop all machines first`,
  )
}

function unchanged(key: string, rec: Rec | null): Cmp {
  return rec === null ? { key, is: 'missing' } : { key, is: 'at', rev: rec.rev }
}

function emptyView(viewNo: number): View {
  return {
    viewNo,
    members: [],
    owner: Array.from({ length: PARTITIONS }, () => undefined),
    partitionEpoch: Array.from({ length: PARTITIONS }, () => viewNo),
  }
}
