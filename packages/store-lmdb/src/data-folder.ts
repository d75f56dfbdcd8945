/**
 * A data folder: all that one machine keeps.
 *
 *     epic.json      the manifest
 *     supervisor/    the lock that one supervisor holds
 *     shard-000/ …   an LMDB environment each, with one writing process at a time
 *
 * The key space is cut into shards, so that processes can share the folder without sharing an environment: LMDB has one write lock for
 * each, and a process that is frozen while it holds that would stall every other writer. How many there are is fixed when the folder is
 * made: an entity's shard is its partition modulo their number.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { EpicError } from '@epicserver/contracts'
import { FolderLock } from './folder-lock.ts'
import { makeFolder, secureFolder, syncFolder } from './folder-safety.ts'
import { SHARDS_MAX_BY_DEFAULT, SHARDS_PER_CORE } from './limits.ts'
import { LmdbStateStore } from './lmdb-state-store.ts'
import type { LmdbStateStoreOptions } from './lmdb-state-store.ts'
import { createManifest, isShardCount, readManifest } from './manifest.ts'
import type { Manifest } from './manifest.ts'

/** What LMDB calls the file of an environment. */
const DATA_FILE = 'data.mdb'

/** How a data folder is opened. */
export interface DataFolderOptions {
  /** Into how many shards a new folder is cut. A folder that is there must have as many. */
  readonly shards?: number
  /** Whether a folder that is not there is made; it is, without this. */
  readonly create?: boolean
}

/** What {@link DataFolder.lock} gives. */
export interface DataFolderLock {
  /** Lets another supervisor have the folder. The end of the process does the same. */
  release(): Promise<void>
}

/** How a shard of a data folder is opened. */
export type OpenShardOptions = Omit<LmdbStateStoreOptions, 'owner'>

export class DataFolder {
  readonly path: string
  readonly manifest: Manifest

  /** Use {@link openDataFolder}. */
  constructor(path: string, manifest: Manifest) {
    this.path = path
    this.manifest = manifest
  }

  get shardCount(): number {
    return this.manifest.shards
  }

  /** The shard in which a partition's entities are. */
  shardOf(partition: number): number {
    return partition % this.shardCount
  }

  /**
   * Takes the folder for this process as its supervisor.
   * @throws EpicError `DataFolderInUse`, with the `pid` of the other in its details.
   */
  async lock(): Promise<DataFolderLock> {
    return FolderLock.take(this.path)
  }

  /**
   * Opens a shard and takes it over from its owner before, who cannot write to it from then on.
   * @param owner - above that of every owner before; without it, one more than the last
   */
  async openShard(
    shard: number,
    owner?: number,
    options: OpenShardOptions = {},
  ): Promise<LmdbStateStore> {
    if (!Number.isInteger(shard) || shard < 0 || shard >= this.shardCount) {
      throw new EpicError(
        'SettingsInvalid',
        `Cannot open shard ${shard}: there are 0 to ${this.shardCount - 1}`,
      )
    }
    const path = join(this.path, `shard-${String(shard).padStart(3, '0')}`)
    await makeFolder(path)
    // Names that are there already are made durable while the environment is opened: whoever takes a shard over is waited for.
    const early = existsSync(join(path, DATA_FILE)) ? this.#syncNames(path) : undefined
    early?.catch(() => undefined)
    const store = await LmdbStateStore.open(path, { ...options, owner })
    try {
      await (early ?? this.#syncNames(path))
    } catch (error) {
      await store.close()
      throw error
    }
    return store
  }

  async #syncNames(shardPath: string): Promise<void> {
    await Promise.all([syncFolder(shardPath), syncFolder(this.path)])
  }
}

/**
 * Opens the data folder at `path`, and makes it where it is not there.
 * @throws EpicError `DataFolderUnsafe` when others may write to it or a link leads to it; `StoreNewer`, `StoreReadOnly`, `StoreFull`,
 * `FileNotFound`, `CorruptRecord`; `SettingsInvalid` for a number of shards that it does not have.
 * @example
 * const folder = await openDataFolder('.epic')
 * const lock = await folder.lock()
 * const shard = await folder.openShard(0)
 */
export async function openDataFolder(
  path: string,
  { shards, create = true }: DataFolderOptions = {},
): Promise<DataFolder> {
  if (shards !== undefined && !isShardCount(shards)) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot cut a data folder into ${shards} shards: 1 to 1024 are possible`,
    )
  }
  const folder = resolve(path)
  await secureFolder(folder, create)
  const manifest = (await readManifest(folder)) ?? (await makeManifest(folder, { shards, create }))
  if (shards !== undefined && manifest.shards !== shards) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot open the data folder ${folder} with ${shards} shards: it was made with ${manifest.shards}, for good`,
    )
  }
  return new DataFolder(folder, manifest)
}

async function makeManifest(
  folder: string,
  { shards, create }: { readonly shards: number | undefined; readonly create: boolean },
): Promise<Manifest> {
  if (create) return createManifest(folder, shards ?? defaultShards())
  throw new EpicError('FileNotFound', `Cannot open the data folder ${folder}: it has no manifest`)
}

/** Enough that a process for each core has some, and that a machine of twice the size can still share them out. */
function defaultShards(): number {
  let shards = 1
  while (shards < availableParallelism() * SHARDS_PER_CORE) shards *= 2
  return Math.min(shards, SHARDS_MAX_BY_DEFAULT)
}
