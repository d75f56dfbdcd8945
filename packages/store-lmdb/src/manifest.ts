/** The manifest of a data folder: what was decided when it was made, as a file that people can read. */
import { link, open, readFile, rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { EpicError, PARTITIONS } from '@epicserver/contracts'
import { syncFolder } from './folder-safety.ts'
import { storageError } from './storage-error.ts'

/** What a data folder is. */
export interface Manifest {
  /** How the folder is laid out. */
  readonly format: number
  /** Tells this cluster's data from any other's. */
  readonly clusterId: string
  /** Fixed for good: an entity's shard is its partition modulo this. */
  readonly shards: number
  /** When it was made, as ISO 8601. */
  readonly created: string
}

const FORMAT = 1
const FILE = 'epic.json'

/**
 * Reads the manifest of a folder; nothing, where there is none.
 * @throws EpicError `StoreNewer`, `CorruptRecord` when it is no manifest.
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw storageError(`read ${path}`, folder, error)
  }
  return parseManifest(path, text)
}

/** Makes the manifest of a folder, or reads the one that somebody else made at the same time. */
export async function createManifest(folder: string, shards: number): Promise<Manifest> {
  const created = new Date().toISOString()
  const manifest: Manifest = { format: FORMAT, clusterId: randomUUID(), shards, created }
  const draft = join(folder, `${FILE}.${manifest.clusterId}`)
  try {
    await writeDurably(draft, `${JSON.stringify(manifest, null, 2)}\n`)
    // A link is made whole or not at all, and never over another: of two makers one wins.
    await link(draft, join(folder, FILE)).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    await syncFolder(folder)
  } catch (error) {
    throw storageError(`create the data folder ${folder}`, folder, error)
  } finally {
    await rm(draft, { force: true })
  }
  const made = await readManifest(folder)
  if (made === undefined)
    throw new EpicError('Unavailable', `Cannot read what was written to ${folder}`)
  return made
}

function parseManifest(path: string, text: string): Manifest {
  const found = parseJson(text)
  if (typeof found !== 'object' || found === null) throw damaged(path)
  const { format, clusterId, shards, created } = found as Partial<Manifest>
  if (typeof format === 'number' && format > FORMAT) {
    throw new EpicError(
      'StoreNewer',
      `Cannot open ${path}: its format is ${format}, ${FORMAT} is known here`,
    )
  }
  if (format !== FORMAT || typeof clusterId !== 'string' || typeof created !== 'string') {
    throw damaged(path)
  }
  if (typeof shards !== 'number' || !isShardCount(shards)) throw damaged(path)
  return { format, clusterId, shards, created }
}

/** Whether a folder may have this many shards. */
export function isShardCount(shards: number): boolean {
  return Number.isInteger(shards) && shards >= 1 && shards <= PARTITIONS
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function damaged(path: string): EpicError {
  return new EpicError('CorruptRecord', `Cannot read ${path}: it is no manifest of a data folder`, {
    details: { path },
  })
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
