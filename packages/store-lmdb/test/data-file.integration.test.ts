import assert from 'node:assert/strict'
import { open, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import type { EntityId } from '@epicserver/contracts'
import { LmdbStateStore } from '@epicserver/store-lmdb'
import { tempFolder } from './temp-folder.ts'

const things: EntityId[] = Array.from({ length: 200 }, (_, i) => ({ type: 'Thing', id: `${i}` }))

async function filledShard(): Promise<{ path: string; file: string }> {
  const path = await tempFolder()
  const store = await LmdbStateStore.open(path)
  const bytes = Buffer.alloc(5_000, 7)
  await Promise.all(
    things.map((thing) => store.write(thing, { epoch: 1n, version: 0n }, { bytes })),
  )
  await store.close()
  return { path, file: join(path, 'data.mdb') }
}

describe('data file: that is none of LMDB', () => {
  const foreign: readonly [string, Buffer][] = [
    ['other bytes', Buffer.alloc(16_384, 7)],
    ['zeros', Buffer.alloc(16_384)],
    ['a few bytes', Buffer.alloc(100, 7)],
    ['one byte', Buffer.alloc(1)],
  ]
  for (const [claim, bytes] of foreign) {
    it(`is refused, and left as it is: ${claim}`, async () => {
      const path = await tempFolder()
      await writeFile(join(path, 'data.mdb'), bytes)
      await assert.rejects(LmdbStateStore.open(path), {
        code: 'CorruptRecord',
        message: `Cannot open ${join(path, 'data.mdb')}: it is no file of LMDB`,
      })
      assert.deepEqual(await readFile(join(path, 'data.mdb')), bytes)
    })
  }

  it('is refused when only its first page is', async () => {
    const { path, file } = await filledShard()
    await truncate(file, 4_096)
    await assert.rejects(LmdbStateStore.open(path), { code: 'CorruptRecord' })
  })
})

describe('data file: of another version of LMDB', () => {
  for (const [version, code] of [
    [3, 'StoreNewer'],
    [1, 'CorruptRecord'],
  ] as const) {
    it(`is refused: ${version}`, async () => {
      const { path, file } = await filledShard()
      const handle = await open(file, 'r+')
      await handle.write(Buffer.of(version), 0, 1, 28)
      await handle.close()
      await assert.rejects(LmdbStateStore.open(path), { code })
    })
  }
})

describe('data file: that is empty', () => {
  it('is a new one', async () => {
    const path = await tempFolder()
    await writeFile(join(path, 'data.mdb'), '')
    const store = await LmdbStateStore.open(path)
    assert.equal(store.owner, 1)
    await store.close()
  })
})

describe('data file: that was cut', () => {
  it('costs what is missing, and not the process', async () => {
    const { path, file } = await filledShard()
    const { size } = await stat(file)
    await truncate(file, Math.floor(size / 2))
    const outcome = await LmdbStateStore.open(path).then(readAll, codeOf)
    // Which page is missing decides how much can be said; what is read is right.
    assert.match(String(outcome), /^(CorruptRecord|Unavailable)$/)
  })
})

/** Reads every record; `whole` when all are there. */
async function readAll(store: LmdbStateStore): Promise<unknown> {
  try {
    for (const thing of things) {
      const bytes = (await store.read(thing))?.bytes
      assert.ok(bytes?.every((byte) => byte === 7))
    }
    return 'whole'
  } catch (error) {
    return codeOf(error)
  } finally {
    await store.close()
  }
}

function codeOf(error: unknown): unknown {
  return isEpicError(error) ? error.code : error
}
