/** Real folders below the system's folder for temporary files, removed afterwards. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const made: string[] = []

/** A new, empty folder; all of them are removed when the tests of the file are done. */
export async function tempFolder(): Promise<string> {
  if (made.length === 0) after(removeAll)
  const folder = await mkdtemp(join(tmpdir(), 'epic-store-lmdb-'))
  made.push(folder)
  return folder
}

async function removeAll(): Promise<void> {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true })
}
