/** The data folder in its first form, until the sharded store of `store-lmdb` takes its place. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { EpicError, partitionOf, type EntityId, type StateStore, type Scan, type ScanPage, type DueQuery, type Task } from '@epicserver/contracts'
import { LmdbStateStore } from '@epicserver/store-lmdb'
export interface DataFolder { path: string; shards: number; clusterId: string; shardOf(p: number): number; lock(): Promise<{ release(): Promise<void> }> }
export async function openDataFolder(path: string, options: { create?: boolean; shards?: number } = {}): Promise<DataFolder> {
  const full = resolve(path)
  let m: { shards: number; clusterId: string }
  try { m = JSON.parse(await readFile(join(full, 'manifest.json'), 'utf8')) } catch { 
    if (!options.create) throw new EpicError('Unavailable', 'no data folder')
    m = { shards: options.shards ?? 4, clusterId: 'c' + Math.floor(performance.now()) }
    await mkdir(full, { recursive: true, mode: 0o700 })
    for (let i = 0; i < m.shards; i += 1) await mkdir(join(full, `shard-${i}`), { recursive: true, mode: 0o700 })
    await writeFile(join(full, 'manifest.json'), JSON.stringify(m))
  }
  return { path: full, ...m, shardOf: (p) => p % m.shards, lock: async () => ({ release: async () => {} }) }
}
export class ShardedStateStore implements StateStore {
  readonly #open = new Map<number, LmdbStateStore>()
  readonly folder: DataFolder
  constructor(folder: DataFolder) { this.folder = folder }
  async open(shard: number, owner: number): Promise<void> {
    if (this.#open.has(shard)) return
    this.#open.set(shard, await LmdbStateStore.open(join(this.folder.path, `shard-${shard}`), { owner }))
  }
  async close_(shard: number): Promise<void> { const s = this.#open.get(shard); this.#open.delete(shard); await s?.close() }
  #of(e: EntityId): LmdbStateStore {
    const s = this.#open.get(this.folder.shardOf(partitionOf(e.type, e.id)))
    if (s === undefined) throw new EpicError('Unavailable', `Cannot reach the shard of ${e.type}/${e.id}`)
    return s
  }
  async claim(...a: Parameters<StateStore['claim']>): ReturnType<StateStore['claim']> { return await this.#of(a[0]).claim(...a) }
  async read(e: EntityId): ReturnType<StateStore['read']> { return await this.#of(e).read(e) }
  async write(...a: Parameters<StateStore['write']>): ReturnType<StateStore['write']> { return await this.#of(a[0]).write(...a) }
  async remove(...a: Parameters<StateStore['remove']>): ReturnType<StateStore['remove']> { return await this.#of(a[0]).remove(...a) }
  async due(q: DueQuery): Promise<Task[]> { return (await Promise.all([...this.#open.values()].map((s) => s.due(q)))).flat().sort((a, b) => a.dueMs - b.dueMs).slice(0, q.limit) }
  async scan(scan: Scan): Promise<ScanPage> { const pages = await Promise.all([...this.#open.values()].map((s) => s.scan({ ...scan, limit: 100000 }))); return { rows: pages.flatMap((p) => p.rows), next: null } }
  async indexes(type?: string): ReturnType<StateStore['indexes']> { return (await Promise.all([...this.#open.values()].map((s) => s.indexes(type)))).flat() }
  async setIndex(st: Parameters<StateStore['setIndex']>[0]): Promise<void> { for (const s of this.#open.values()) await s.setIndex(st) }
  async dropIndex(t: string, i: string): Promise<void> { for (const s of this.#open.values()) await s.dropIndex(t, i) }
  async reindex(...a: Parameters<StateStore['reindex']>): Promise<boolean> { return await this.#of(a[0]).reindex(...a) }
  async close(): Promise<void> { for (const s of this.#open.values()) await s.close() }
}
