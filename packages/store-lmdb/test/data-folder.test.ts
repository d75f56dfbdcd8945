import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openDataFolder } from '@epicserver/store-lmdb'
import { tempFolder } from './temp-folder.ts'

const noProc = process.platform === 'linux' ? false : 'only Linux has /proc'
const isRoot = process.geteuid?.() === 0 ? 'root may write everywhere' : false

describe('data folder: that is not there', () => {
  it('is made, for nobody else to enter (checklist 4)', async () => {
    const path = join(await tempFolder(), 'a', 'b')
    const folder = await openDataFolder(path, { shards: 4 })
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    assert.equal((await stat(join(path, 'epic.json'))).mode & 0o777, 0o600)
    assert.equal(folder.shardCount, 4)
    assert.deepEqual(await readdir(path), ['epic.json'])
  })

  it('says in its manifest what it is', async () => {
    const path = await tempFolder()
    const { manifest } = await openDataFolder(path, { shards: 4 })
    const text = await readFile(join(path, 'epic.json'), 'utf8')
    assert.deepEqual(JSON.parse(text), manifest)
    assert.deepEqual(Object.keys(manifest), ['format', 'clusterId', 'shards', 'created'])
    assert.match(manifest.clusterId, /^[0-9a-f-]{36}$/)
  })

  it('is not made where it should be there', async () => {
    const path = await tempFolder()
    const missing = join(path, 'never')
    await assert.rejects(openDataFolder(missing, { create: false }), {
      code: 'FileNotFound',
      message: `Cannot open the data folder ${missing}: it does not exist`,
    })
    await assert.rejects(openDataFolder(path, { create: false }), {
      code: 'FileNotFound',
      message: `Cannot open the data folder ${path}: it has no manifest`,
    })
    assert.deepEqual(await readdir(path), [])
  })

  it('is made once by two that come at the same time', async () => {
    const path = await tempFolder()
    const opened = await Promise.all([1, 2, 3, 4].map(() => openDataFolder(path, { shards: 2 })))
    assert.equal(new Set(opened.map(({ manifest }) => manifest.clusterId)).size, 1)
    assert.deepEqual(await readdir(path), ['epic.json'])
  })

  it('has a power of two of shards, enough for this machine', async () => {
    const { shardCount } = await openDataFolder(await tempFolder())
    assert.ok(Number.isInteger(Math.log2(shardCount)) && shardCount >= 2, `${shardCount}`)
  })
})

describe('data folder: its shards', () => {
  it('are as many as it was made with, for good', async () => {
    const path = await tempFolder()
    await openDataFolder(path, { shards: 4 })
    assert.equal((await openDataFolder(path)).shardCount, 4)
    await assert.rejects(openDataFolder(path, { shards: 8 }), {
      code: 'SettingsInvalid',
      message: `Cannot open the data folder ${path} with 8 shards: it was made with 4, for good`,
    })
  })

  it('are one to 1,024', async () => {
    const path = await tempFolder()
    for (const shards of [0, -1, 1.5, 1_025, Number.NaN]) {
      await assert.rejects(openDataFolder(path, { shards }), { code: 'SettingsInvalid' })
    }
  })

  it('have each partition once', async () => {
    const folder = await openDataFolder(await tempFolder(), { shards: 3 })
    assert.deepEqual(
      [0, 1, 2, 3, 1_023].map((partition) => folder.shardOf(partition)),
      [0, 1, 2, 0, 0],
    )
  })

  it('are opened by number, in folders of their own', async () => {
    const path = await tempFolder()
    const folder = await openDataFolder(path, { shards: 2 })
    const store = await folder.openShard(1, 7)
    assert.equal(store.owner, 7)
    await store.close()
    assert.equal((await stat(join(path, 'shard-001'))).mode & 0o777, 0o700)
    for (const shard of [-1, 2, 0.5]) {
      await assert.rejects(folder.openShard(shard), { code: 'SettingsInvalid' })
    }
  })
})

describe('data folder: that may be somebody else’s', () => {
  it('is refused when it is a link, or a link leads to it (checklist 4)', async () => {
    const path = await tempFolder()
    await mkdir(join(path, 'real', 'data'), { recursive: true })
    await symlink(join(path, 'real'), join(path, 'link'))
    await symlink(join(path, 'nowhere'), join(path, 'dangling'))
    for (const unsafe of ['link', 'link/data', 'link/../link/data/new', 'dangling']) {
      await assert.rejects(openDataFolder(join(path, unsafe)), {
        code: 'DataFolderUnsafe',
        message: /^Cannot use the data folder .*(link|dangling) is a link$/,
      })
    }
  })

  it('is refused when others may write to it', async () => {
    const path = await tempFolder()
    await chmod(path, 0o770)
    await assert.rejects(openDataFolder(path), {
      code: 'DataFolderUnsafe',
      message: `Cannot use the data folder ${path}: others may write to it (mode 770)`,
    })
  })

  it('is closed to those who may only read it', async () => {
    const path = await tempFolder()
    await chmod(path, 0o755)
    await openDataFolder(path)
    assert.equal((await stat(path)).mode & 0o777, 0o700)
  })

  it('is refused when it is a file', async () => {
    const path = join(await tempFolder(), 'file')
    await writeFile(path, '')
    await assert.rejects(openDataFolder(path), {
      code: 'DataFolderUnsafe',
      message: `Cannot use the data folder ${path}: it is not a folder`,
    })
  })
})

describe('data folder: where none can be', () => {
  it('is refused below a file', async () => {
    const path = join(await tempFolder(), 'file')
    await writeFile(path, '')
    for (const below of [join(path, 'a'), join(path, 'a', 'b')])
      await assert.rejects(openDataFolder(below), {
        code: 'DataFolderUnsafe',
        message: /^Cannot use the data folder .*: no folder can be made there \(ENOTDIR/,
      })
  })

  it('is refused with a name that is too long', async () => {
    const path = join(await tempFolder(), 'a', 'x'.repeat(300))
    await assert.rejects(openDataFolder(path), {
      code: 'DataFolderUnsafe',
      message: /ENAMETOOLONG/,
    })
  })

  it('is refused where the file system takes none', { skip: noProc }, async () => {
    for (const path of ['/proc/epic', '/proc/epic/data'])
      await assert.rejects(openDataFolder(path), {
        code: 'DataFolderUnsafe',
        message: /^Cannot use the data folder .*: no folder can be made there \(ENOENT/,
      })
  })

  it('is refused in a folder that may not be written to', { skip: isRoot }, async () => {
    const path = await tempFolder()
    await chmod(path, 0o500)
    await assert.rejects(openDataFolder(join(path, 'data')), {
      code: 'StoreReadOnly',
      message: `Cannot make the folder ${join(path, 'data')}: EACCES: permission denied, mkdir '${join(path, 'data')}'`,
    })
  })
})

describe('data folder: its manifest', () => {
  const manifest = { format: 1, clusterId: 'c', shards: 2, created: '2026-01-01' }
  const damaged: readonly [string, string][] = [
    ['is empty', ''],
    ['is cut', JSON.stringify(manifest).slice(0, -5)],
    ['is another thing', '[]'],
    ['is null', 'null'],
    ['has no shards', JSON.stringify({ ...manifest, shards: 0 })],
    ['has too many shards', JSON.stringify({ ...manifest, shards: 1_025 })],
    ['has shards that are text', JSON.stringify({ ...manifest, shards: '2' })],
    ['has no cluster', JSON.stringify({ ...manifest, clusterId: undefined })],
    ['has no format', JSON.stringify({ ...manifest, format: undefined })],
  ]
  for (const [claim, text] of damaged) {
    it(`that ${claim} is refused and left as it is`, async () => {
      const path = await tempFolder()
      await writeFile(join(path, 'epic.json'), text)
      await assert.rejects(openDataFolder(path), {
        code: 'CorruptRecord',
        message: `Cannot read ${join(path, 'epic.json')}: it is no manifest of a data folder`,
      })
      assert.equal(await readFile(join(path, 'epic.json'), 'utf8'), text)
    })
  }

  it('that is newer is refused', async () => {
    const path = await tempFolder()
    await writeFile(join(path, 'epic.json'), JSON.stringify({ format: 2, anything: 'else' }))
    await assert.rejects(openDataFolder(path), {
      code: 'StoreNewer',
      message: `Cannot open ${join(path, 'epic.json')}: its format is 2, 1 is known here`,
    })
  })
})

describe('data folder: its lock', () => {
  it('is had by one at a time', async () => {
    const folder = await openDataFolder(await tempFolder())
    const lock = await folder.lock()
    await assert.rejects(folder.lock(), {
      code: 'DataFolderInUse',
      message: `Cannot use the data folder ${folder.path}: process ${process.pid} works on it`,
      details: { folder: folder.path, pid: process.pid },
    })
    await lock.release()
    await (await folder.lock()).release()
  })

  it('may be released twice', async () => {
    const folder = await openDataFolder(await tempFolder())
    const lock = await folder.lock()
    await Promise.all([lock.release(), lock.release()])
    const next = await folder.lock()
    await lock.release()
    await assert.rejects(folder.lock(), { code: 'DataFolderInUse' })
    await next.release()
  })

  it('of one folder does not keep others out of theirs', async () => {
    const [one, other] = [
      await openDataFolder(await tempFolder()),
      await openDataFolder(await tempFolder()),
    ]
    const locks = [await one.lock(), await other.lock()]
    for (const lock of locks) await lock.release()
  })
})
