/**
 * The data folder of one machine, from both sides: the supervisor that holds it and hosts the cluster store, and the node
 * processes that open the shards of the partitions they own.
 *
 * A shard is one LMDB environment with one writing process at a time. Partitions are spread over the shards, and the fabric
 * assigns whole shards; so what a node gains or loses is always a set of whole environments. A shard's owner has the number of the
 * view that gave it, so that a process which was replaced, and does not know it yet, cannot open or write what it lost.
 */
import { join } from 'node:path'
import { openClusterAuthority, type ClusterAuthority } from '@epicserver/cluster-lmdb'
import { formatEntityId, type ClusterStoreLimits, type StateStore } from '@epicserver/contracts'
import {
  openDataFolder,
  ShardedStateStore,
  type DataFolder,
  type DataFolderLock,
} from '@epicserver/store-lmdb'
import type { PartitionStore } from '../cluster/routed-store.ts'
import type { Log } from '../log.ts'
import { endLeasesAt, readMembership, watchLeases } from './members.ts'
import { SETUP_CLAIM, SETUP_DONE } from './run-setup.ts'
import type { Site, SiteEvents, SiteStatus } from './site.ts'

/** What a supervisor does with the data folder. */
export class Machine implements Site {
  readonly #folder: DataFolder
  readonly #lock: DataFolderLock
  /** Where the cluster store is served to the node processes. */
  readonly #socketPath: string
  #authority: ClusterAuthority | undefined

  constructor(folder: DataFolder, lock: DataFolderLock, runFolder: string) {
    this.#folder = folder
    this.#lock = lock
    this.#socketPath = join(runFolder, 'cluster.sock')
  }

  /** A node without a shard has nothing to do. */
  get nodesMax(): number {
    return this.#folder.shardCount
  }

  configFor(): { readonly authority: string } {
    return { authority: this.#socketPath }
  }

  /** Serves the cluster store to the node processes. A fabric that starts anew runs its setup again. */
  async begin({ onLost, onLeaseEnd }: SiteEvents): Promise<ClusterStoreLimits> {
    this.#authority = await openClusterAuthority({
      folder: join(this.#folder.path, 'cluster'),
      socketPath: this.#socketPath,
    })
    void this.#authority.lost.then(onLost)
    const store = this.#authority.connect()
    await store.txn({
      if: [],
      then: [
        { op: 'delete', key: SETUP_DONE },
        { op: 'delete', key: SETUP_CLAIM },
      ],
    })
    await store.close()
    await watchLeases(this.#authority.connect(), onLeaseEnd)
    return store.limits
  }

  async attestDeath(nodeId: string): Promise<void> {
    const store = this.#authority?.connect()
    await store?.revoke(nodeId)
    await store?.close()
  }

  async attestDeathsAt(sockets: ReadonlySet<string>): Promise<void> {
    const store = this.#authority?.connect()
    if (store !== undefined) await endLeasesAt(store, (address) => sockets.has(address))
    await store?.close()
  }

  async status(): Promise<SiteStatus> {
    const store = this.#authority?.connect()
    if (store === undefined) throw new Error('There is a status after begin')
    const startedAt = performance.now()
    const membership = await readMembership(store)
    await store.close()
    const answerMs = Math.round((performance.now() - startedAt) * 10) / 10
    const engine = { address: this.#socketPath, isReachable: true, answerMs, failures: 0 }
    return { engine, membership }
  }

  async close(): Promise<void> {
    await this.#authority?.close()
    await this.#lock.release()
  }
}

/** @throws EpicError `DataFolderInUse`, `DataFolderUnsafe`, `StoreNewer` */
export async function openMachine(dataFolder: string, runFolder: string): Promise<Machine> {
  const folder = await openDataFolder(dataFolder)
  return new Machine(folder, await folder.lock(), runFolder)
}

/** The shards that one node process has open. */
export interface Shards extends PartitionStore {
  readonly store: StateStore
  readonly clusterId: string
  readonly count: number
  shardOf(partition: number): number
}

export async function openShards(dataFolder: string, log: Log): Promise<Shards> {
  const folder = await openDataFolder(dataFolder, { create: false })
  const store = new ShardedStateStore(folder.shardCount)
  const shardsOf = (partitions: readonly number[]): number[] => [
    ...new Set(partitions.map((partition) => folder.shardOf(partition))),
  ]
  const open = async (shard: number, epoch: number): Promise<void> => {
    const opened = await folder.openShard(shard, epoch, {
      onDamage: ({ entity, problem }) =>
        log.error('a saved record is damaged and was set aside', {
          entity: formatEntityId(entity),
          problem,
          shard,
        }),
    })
    store.addShard(shard, opened)
  }
  return {
    store,
    clusterId: folder.manifest.clusterId,
    count: folder.shardCount,
    shardOf: (partition) => folder.shardOf(partition),
    acquire: async (partitions, epoch) => {
      await Promise.all(shardsOf(partitions).map((shard) => open(shard, epoch)))
    },
    release: async (partitions) => {
      const closing = shardsOf(partitions).flatMap((shard) => store.removeShard(shard) ?? [])
      await Promise.all(closing.map((shard) => shard.close()))
    },
  }
}
