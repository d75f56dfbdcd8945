import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, describe, it } from 'node:test'
import { ClusterLog } from '@epicserver/cluster-memory'
import type { ClusterDelta } from '@epicserver/cluster-memory'
import { open } from 'lmdb'
import { HEAD_KEY, recordKey } from '#src/disk-format.ts'
import { LmdbDisk } from '#src/lmdb-disk.ts'
import { compiledPath } from './child.ts'
import { makeTempFolder } from './temp-folder.ts'

const folder = await makeTempFolder()
after(() => folder.remove())
let folders = 0

async function freshFolder(): Promise<string> {
  folders += 1
  const path = join(folder.path, `disk.${folders}`)
  await mkdir(path)
  return path
}

function deltaOf(change: (log: ClusterLog) => void, disk: LmdbDisk): ClusterDelta {
  const log = new ClusterLog(disk.load(), 0)
  change(log)
  const delta = log.pollDelta()
  assert.ok(delta !== null)
  return delta
}

const putting =
  (key: string, bytes = 1) =>
  (log: ClusterLog): void =>
    void log.txn({ if: [], then: [{ op: 'put', key, value: new Uint8Array(bytes) }] })

/** Reads and writes the environment behind the disk's back. */
async function tamper(
  path: string,
  key: Uint8Array,
  damage: (bytes: Buffer) => Uint8Array,
): Promise<void> {
  const db = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    useVersions: true,
  })
  const bytes = db.get(key)
  assert.ok(bytes !== undefined)
  await db.put(key, damage(Buffer.from(bytes)), 1)
  await db.close()
}

describe('lmdb disk', () => {
  it('gives back what was committed, after it was opened again', async () => {
    const path = await freshFolder()
    const disk = LmdbDisk.open(path)
    const log = new ClusterLog(disk.load(), 0)
    const { id } = log.grant(6_000, 0)
    const value = Uint8Array.of(1, 2)
    log.txn({
      if: [],
      then: [
        { op: 'put', key: 'leased', value, lease: id },
        { op: 'put', key: 'gone', value },
      ],
    })
    log.txn({
      if: [],
      then: [
        { op: 'delete', key: 'gone' },
        { op: 'put', key: '\u0000😀', value },
      ],
    })
    await disk.commit(log.pollDelta() as ClusterDelta)
    await disk.close()
    const again = LmdbDisk.open(path)
    assert.deepEqual(again.load(), log.snapshot())
    await again.close()
  })

  it('keeps its id, and has another than any other', async () => {
    const [first, second] = [await freshFolder(), await freshFolder()]
    const disk = LmdbDisk.open(first)
    const other = LmdbDisk.open(second)
    const { storeId } = disk
    await disk.close()
    const again = LmdbDisk.open(first)
    assert.equal(again.storeId, storeId)
    assert.notEqual(other.storeId, storeId)
    await again.close()
    await other.close()
  })

  it('refuses a damaged record by name, and opens no cluster without it', async () => {
    const path = await freshFolder()
    const disk = LmdbDisk.open(path)
    await disk.commit(deltaOf(putting('view', 100), disk))
    await disk.close()
    await tamper(path, recordKey('view'), (bytes) => {
      bytes[60] = (bytes[60] ?? 0) ^ 1
      return bytes
    })
    const damaged = LmdbDisk.open(path)
    assert.throws(() => damaged.load(), { code: 'CorruptRecord', message: /1:"view" is damaged/ })
    await damaged.close()
  })

  it('refuses a newer format', async () => {
    const path = await freshFolder()
    await LmdbDisk.open(path).close()
    const { hash128, createCodec } = await import('@epicserver/wire')
    const body = createCodec({ purpose: 'state' }).encode([2, 'whatever it says'])
    await tamper(path, HEAD_KEY, () => Buffer.concat([new Uint8Array(hash128(body).buffer), body]))
    assert.throws(() => LmdbDisk.open(path), {
      code: 'StoreNewer',
      message: /format 2, this version reads 1/,
    })
  })

  it('refuses a file that is no environment, and leaves it as it is', async () => {
    const path = await freshFolder()
    const file = join(path, 'data.mdb')
    await writeFile(file, 'someone’s letters'.repeat(1_000))
    assert.throws(() => LmdbDisk.open(path), { code: 'CorruptRecord' })
    assert.match(await readFile(file, 'utf8'), /^someone’s letters/)
  })
})

const isRoot = process.getuid?.() === 0

describe('lmdb disk: without rights', { skip: isRoot && 'root may write everywhere' }, () => {
  it('says that it cannot be written to', async () => {
    const path = await freshFolder()
    await LmdbDisk.open(path).close()
    await chmod(join(path, 'data.mdb'), 0o400)
    assert.throws(() => LmdbDisk.open(path), { code: 'StoreReadOnly' })
  })
})

const hasStrace = spawnSync('strace', ['-V']).status === 0

describe('lmdb disk: durability', { skip: !hasStrace && 'strace is not installed' }, () => {
  it('every commit is synced before it is told', async () => {
    const path = await freshFolder()
    const calls = 'trace=openat,fdatasync,fsync,pwrite64,pwritev,write'
    const traced = spawnSync(
      'strace',
      ['-f', '-e', calls, process.execPath, compiledPath('committing-process'), path],
      {
        encoding: 'utf8',
      },
    )
    assert.equal(traced.status, 0, traced.stderr.slice(-2_000))
    const commits = traced.stderr.split('COMMITTING').slice(1)
    assert.equal(commits.length, 20)
    // The meta page, written last, goes through a handle that syncs each write.
    const meta = /openat\([^)]*data\.mdb", [^)]*O_D?SYNC[^)]*\) = (\d+)/.exec(traced.stderr)?.[1]
    assert.ok(meta !== undefined, 'no handle for the meta page was opened')
    for (const commit of commits) {
      const before = commit.slice(0, commit.indexOf('COMMITTED'))
      const synced = before.search(/fdatasync\(\d+\)\s+= 0|fdatasync resumed>\)\s+= 0/)
      const sealed = before.lastIndexOf(`pwrite64(${meta},`)
      assert.ok(synced >= 0 && sealed > synced, before)
    }
  })
})

describe(
  'lmdb disk: full (checklist 37)',
  { skip: !isRoot && 'only root can mount a small disk' },
  () => {
    it('refuses what finds no room, keeps what was there, and goes on when there is room again', async () => {
      const path = await freshFolder()
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path])
      try {
        const child = spawn(process.execPath, [compiledPath('filling-process'), path])
        const ended = once(child, 'exit')
        const complaints = text(child.stderr)
        const said: string[] = []
        for await (const line of createInterface(child.stdout)) {
          said.push(line)
          if (said.length > 1) continue
          execFileSync('mount', ['-o', 'remount,size=8m', path])
          child.stdin.end('there is room\n')
        }
        assert.deepEqual(said, [
          'full: StoreFull safe; readable: true',
          'room: saved; readable: true',
        ])
        assert.equal(await complaints, '', 'LMDB never met the full disk')
        assert.deepEqual(await ended, [0, null])
      } finally {
        execFileSync('umount', [path])
      }
    })

    it('refuses to open, and leaves the truth as it is', async () => {
      const path = await freshFolder()
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path])
      try {
        await LmdbDisk.open(path).close()
        const truth = await readFile(join(path, 'data.mdb'))
        await writeFile(join(path, 'ballast'), Buffer.alloc(900 * 1024))
        assert.throws(() => LmdbDisk.open(path), { code: 'StoreFull', retry: 'safe' })
        assert.ok(truth.equals(await readFile(join(path, 'data.mdb'))))
        await rm(join(path, 'ballast'))
        await LmdbDisk.open(path).close()
      } finally {
        execFileSync('umount', [path])
      }
    })
  },
)
