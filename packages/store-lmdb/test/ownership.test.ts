import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LmdbStateStore } from '@epicserver/store-lmdb'
import { openRoot } from '#src/lmdb-open.ts'
import { closeRoot } from '#src/lmdb-open.ts'
import { tempFolder } from './temp-folder.ts'

const bob = { type: 'Player', id: 'bob' }
const bytes = Buffer.from('state')

describe('ownership: of a shard', () => {
  it('goes up by one where no number is asked for', async () => {
    const path = await tempFolder()
    for (const expected of [1, 2, 3]) {
      const store = await LmdbStateStore.open(path)
      assert.equal(store.owner, expected)
      await store.close()
    }
  })

  it('is refused to a lower number, which is told who has it (checklist 11)', async () => {
    const path = await tempFolder()
    await (await LmdbStateStore.open(path, { owner: 7 })).close()
    await assert.rejects(LmdbStateStore.open(path, { owner: 6 }), {
      code: 'Fenced',
      message: `Cannot open ${path} as owner 6: owner 7 has it`,
    })
  })

  it('is had again by the same number after it closed', async () => {
    const path = await tempFolder()
    for (let time = 0; time < 2; time += 1) {
      const store = await LmdbStateStore.open(path, { owner: 7 })
      await store.claim(bob, 1n)
      await store.close()
    }
  })

  it('is one in a process', async () => {
    const path = await tempFolder()
    const store = await LmdbStateStore.open(path)
    await assert.rejects(LmdbStateStore.open(`${path}/../${path.split('/').at(-1)}`), {
      code: 'DataFolderInUse',
    })
    await store.close()
  })

  it('of two that open at once is had by one', async () => {
    const path = await tempFolder()
    const both = await Promise.allSettled([LmdbStateStore.open(path), LmdbStateStore.open(path)])
    const [won] = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const [lost] = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    assert.equal((lost as { code?: unknown }).code, 'DataFolderInUse')
    await won?.close()
  })
})

describe('format: of a shard', () => {
  it('that is newer is refused, and left as it is', async () => {
    const path = await tempFolder()
    const store = await LmdbStateStore.open(path)
    await store.write(bob, { epoch: 1n, version: 0n }, { bytes })
    await store.close()
    await changeFormat(path, 2)
    await assert.rejects(LmdbStateStore.open(path), {
      code: 'StoreNewer',
      message: `Cannot open ${path}: its format is 2, 1 is known here`,
    })
    await changeFormat(path, 1)
    const again = await LmdbStateStore.open(path)
    assert.equal((await again.read(bob))?.version, 1n)
    await again.close()
  })
})

async function changeFormat(path: string, format: number): Promise<void> {
  const { root } = await openRoot(path, (opened) => {
    const options = { name: 'ownership', useVersions: true }
    const table = opened.openDB<Buffer, Buffer>({
      ...options,
      keyEncoding: 'binary',
      encoding: 'binary',
    })
    const { value, version } = table.getEntry(Buffer.from('ownership'))!
    value.writeUInt32BE(format, 0)
    void table.put(Buffer.from('ownership'), value, version!)
  })
  await closeRoot(path, root)
}
