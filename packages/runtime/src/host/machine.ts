/**
 * The data folder of one machine, from both sides: the supervisor that holds it and hosts the cluster store, and the node
 * processes that open the shards of the partitions they own.
 *
 * A shard is one LMDB environment with one writing process at a time. Partitions are spread over the shards, and the fabric
 * assigns whole shards; so what a node gains or loses is always a set of whole environments.
 */
import { join } from 'node:path'
import type { StateStore } from '@epicserver/contracts'
import { openClusterAuthority, type ClusterAuthority } from '@epicserver/cluster-lmdb'
import { openDataFolder, ShardedStateStore, type DataFolder } from './shards-temp.ts'
import type { PartitionStore } from '../cluster-node.ts'
import { SETUP_CLAIM, SETUP_DONE } from './run-setup.ts'

const SHARDS_MIN = 4

/** What a supervisor does with the data folder. */
export class Machine {
  readonly #folder: DataFolder
  readonly #lock: { release(): Promise<void> }
  #authority: ClusterAuthority | undefined

  constructor(folder: DataFolder, lock: { release(): Promise<void> }) {
    this.#folder = folder
    this.#lock = lock
  }

  /** Serves the cluster store to the node processes. A fabric that starts anew runs its setup again. */
  async serve(socketPath: string): Promise<void> {
    this.#authority = await openClusterAuthority({ folder: join(this.#folder.path, 'cluster'), socketPath })
    const store = this.#authority.connect()
    await store.txn({ if: [], then: [{ op: 'delete', key: SETUP_DONE }, { op: 'delete', key: SETUP_CLAIM }] })
    await store.close()
  }

  /** The process that held this lease is dead for certain. */
  async attestDeath(nodeId: string): Promise<void> {
    const store = this.#authority?.connect()
    await store?.revoke(nodeId)
    await store?.close()
  }

  async close(): Promise<void> {
    await this.#authority?.close()
    await this.#lock.release()
  }
}

export interface MachineOptions {
  readonly dataFolder: string
  readonly processes: number
}

/** @throws EpicError `DataFolderInUse`, `DataFolderUnsafe`, `StoreNewer` */
export async function openMachine({ dataFolder, processes }: MachineOptions): Promise<Machine> {
  const folder = await openDataFolder(dataFolder, { create: true, shards: Math.max(SHARDS_MIN, processes) })
  return new Machine(folder, await folder.lock())
}

/** The shards that one node process has open. */
export interface Shards extends PartitionStore {
  readonly store: StateStore
  readonly clusterId: string
  readonly count: number
  shardOf(partition: number): number
}

export async function openShards(dataFolder: string): Promise<Shards> {
  const folder = await openDataFolder(dataFolder)
  const store = new ShardedStateStore(folder)
  const shardsOf = (partitions: readonly number[]): number[] => [...new Set(partitions.map((partition) => folder.shardOf(partition)))]
  return {
    store,
    clusterId: folder.clusterId,
    count: folder.shards,
    shardOf: (partition) => folder.shardOf(partition),
    acquire: async (partitions, epoch) => {
      await Promise.all(shardsOf(partitions).map((shard) => store.open(shard, epoch)))
    },
    release: async (partitions) => {
      await Promise.all(shardsOf(partitions).map((shard) => store.close_(shard)))
    },
  }
}

