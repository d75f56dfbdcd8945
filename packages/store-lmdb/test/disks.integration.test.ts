import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LmdbStateStore, openDataFolder } from '@epicserver/store-lmdb'
import { tempFolder } from './temp-folder.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./disk-process.js', import.meta.url))
const thing = { type: 'Thing', id: 'a' }

const noStrace = spawnSync('strace', ['-V']).error === undefined ? false : 'strace is not installed'
const noMount =
  process.getuid?.() === 0 && process.platform === 'linux' ? false : 'only root mounts'

const mounted: string[] = []
after(async () => {
  for (const path of mounted) {
    await run('umount', ['--lazy', path])
    await rmdir(path)
  }
})

/** A disk in memory of so many megabytes. */
async function smallDisk(megabytes: number): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'epic-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', path])
  mounted.push(path)
  return path
}

/** Runs the script under strace, and gives what it printed. */
async function traced(options: readonly string[], args: readonly string[]): Promise<string[]> {
  // One thread does all the writing, so that its calls can be counted.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
  const command = ['-f', ...options, process.execPath, script, ...args]
  const { stdout } = await run('strace', command, { env })
  return stdout.trim().split('\n')
}

describe('a commit', { skip: noStrace }, () => {
  it('is on the disk before it is acknowledged', async () => {
    const path = await tempFolder()
    const log = join(path, 'calls')
    const calls = 'openat,write,writev,pwrite64,pwritev,fdatasync,fsync,msync'
    const said = await traced(['-o', log, '-e', `trace=${calls}`], ['acknowledge', path, '20'])
    assert.deepEqual(said.filter((line) => line.startsWith('ack')).length, 20)
    const events = eventsOf(await readFile(log, 'utf8'), path)
    const betweenAcks = events.join('').split('A').slice(0, -1)
    assert.equal(betweenAcks.length, 20)
    // W: pages are written. S: they are synced. M: the page that makes them valid is written and synced at once.
    for (const events of betweenAcks) assert.match(events, /W+S+M$/)
  })
})

/** What a trace says of the environment's file: W, S, M as above, and A for each acknowledgement. */
function eventsOf(trace: string, path: string): string[] {
  const file = join(path, 'data.mdb')
  const kinds = new Map<string, 'data' | 'synced'>()
  const events: string[] = []
  for (const line of trace.split('\n')) {
    const opened = line.includes(`"${file}"`) ? /(O_DSYNC|O_SYNC)?[^=]*= (\d+)$/.exec(line) : null
    if (opened !== null) kinds.set(opened[2] ?? '', line.includes('SYNC') ? 'synced' : 'data')
    const call = /(?:^\d+ +)(\w+)\((\d+)/.exec(line)
    if (/write\(1, "ack/.test(line)) events.push('A')
    if (/resumed>.*= 0$/.test(line) && line.includes('fdatasync')) events.push('S')
    const kind = kinds.get(call?.[2] ?? '')
    if (kind === undefined) continue
    if (call?.[1] === 'fdatasync') events.push(line.includes('unfinished') ? '' : 'S')
    else if (call?.[1]?.includes('write') === true) events.push(kind === 'synced' ? 'M' : 'W')
  }
  return events
}

describe('a disk that fails once', { skip: noStrace }, () => {
  const faults: readonly [string, string][] = [
    ['writev', 'error=EIO:when=5'],
    ['writev', 'error=ENOSPC:when=12'],
    ['fdatasync', 'error=EIO:when=3'],
    ['fdatasync', 'error=EIO:when=14'],
    // The page that makes a commit valid: LMDB gives the environment up, and the outcome is unknown.
    ['pwrite64', 'error=EIO:when=8'],
    ['pwrite64', 'error=EIO:when=9'],
    ['pwrite64', 'error=ENOSPC:when=17'],
  ]
  for (const [call, fault] of faults) {
    it(`loses nothing that was acknowledged, and stops nothing for good: ${call}, ${fault}`, async () => {
      const path = await tempFolder()
      const options = ['-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:${fault}`]
      const said = await traced(options, ['acknowledge', path, '20'])
      const acks = said.filter((line) => line.startsWith('ack')).length
      const refusals = said.filter((line) => line.startsWith('refused'))
      assert.equal(acks + refusals.length, 20, said.join('; '))
      assert.ok(refusals.length > 0, 'the fault was not met')
      if (call !== 'pwrite64') assert.equal(refusals.length, 1, said.join('; '))
      const store = await LmdbStateStore.open(path)
      const { version = 0n } = (await store.read(thing)) ?? {}
      const isUnknown = refusals.some((line) => line.includes('Unknown'))
      assert.ok(
        version === BigInt(acks) || (isUnknown && version === BigInt(acks + 1)),
        said.join('; '),
      )
      await store.close()
    })
  }
})

describe('a disk that is full (checklist 37)', { skip: noMount }, () => {
  it('is told as such, with nothing lost, and written to again when there is room', async () => {
    const disk = await smallDisk(4)
    const path = join(disk, 'shard')
    await mkdir(path)
    const child = spawn(process.execPath, [script, 'fill', path], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let complaints = ''
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    const said: string[] = []
    let rest = ''
    for await (const chunk of child.stdout) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      said.push(...lines)
      if (lines.some((line) => line.startsWith('again'))) {
        await run('mount', ['-o', 'remount,size=16m', disk])
        child.stdin.end('go\n')
      }
    }
    if (child.exitCode === null) await once(child, 'exit')
    assert.equal(child.exitCode, 0, 'an unhandled rejection ends the process')
    const saved = /^filled StoreFull safe (\d+)$/.exec(said[0] ?? '')?.[1]
    assert.ok(Number(saved) > 30, said[0])
    assert.deepEqual(said.slice(1), [
      `readable ${saved}`,
      'again StoreFull safe',
      'later written',
      `reopened ${saved}`,
    ])
    assert.equal(
      complaints,
      '',
      'LMDB, which does not survive it for long, never met the full disk',
    )
  })

  it('refuses to open a shard, and leaves it as it is', async () => {
    const disk = await smallDisk(4)
    const path = join(disk, 'shard')
    await mkdir(path)
    await (await LmdbStateStore.open(path)).close()
    await run('dd', ['if=/dev/zero', `of=${join(disk, 'ballast')}`, 'bs=64k']).catch(
      () => undefined,
    )
    await assert.rejects(LmdbStateStore.open(path, { owner: 7 }), {
      code: 'StoreFull',
      retry: 'safe',
    })
    await run('rm', [join(disk, 'ballast')])
    const store = await LmdbStateStore.open(path, { owner: 2 })
    await store.close()
  })
})

describe('a disk that is read-only', { skip: noMount }, () => {
  it('refuses to open a shard, a folder, or to make one', async () => {
    const disk = await smallDisk(4)
    const folder = await openDataFolder(join(disk, 'data'), { shards: 1 })
    await (await folder.openShard(0)).close()
    await run('mount', ['-o', 'remount,ro', disk])
    await assert.rejects(folder.openShard(0), { code: 'StoreReadOnly', retry: 'safe' })
    await assert.rejects(folder.lock(), { code: 'StoreReadOnly' })
    await assert.rejects(openDataFolder(join(disk, 'new')), { code: 'StoreReadOnly' })
    assert.equal((await openDataFolder(join(disk, 'data'))).shardCount, 1)
    await run('mount', ['-o', 'remount,rw', disk])
    await (await folder.openShard(0)).close()
  })
})
