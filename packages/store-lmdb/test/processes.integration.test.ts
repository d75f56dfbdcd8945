import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { LmdbStateStore, openDataFolder } from '@epicserver/store-lmdb'
import { StoreProcess } from './store-process.ts'
import { tempFolder } from './temp-folder.ts'

const processes: StoreProcess[] = []
after(async () => {
  for (const one of processes) await one.kill()
})

function startProcess(): StoreProcess {
  const started = new StoreProcess()
  processes.push(started)
  return started
}

const thing = { type: 'Thing', id: 'a' }

/** A thing whose state is a text at a version. */
async function expectText(store: LmdbStateStore, text: string, version: bigint): Promise<void> {
  const record = await store.read(thing)
  assert.equal(
    `${record?.version}:${Buffer.from(record?.bytes ?? '').toString()}`,
    `${version}:${text}`,
  )
}

describe('a process that is killed in the midst of commits', () => {
  it('has lost nothing that it acknowledged, and done nothing twice', async () => {
    const path = await tempFolder()
    const counters = 40
    const acknowledged = new Array<number>(counters).fill(0)
    for (let round = 0; round < 8; round += 1) {
      await countUntilKilled(path, acknowledged, 200 + round * 137)
      const store = await LmdbStateStore.open(path)
      for (const [counter, value] of acknowledged.entries()) {
        const entity = { type: 'Counter', id: `${counter}` }
        const { bytes } = await store.claim(entity, BigInt(store.owner))
        const found = Number(Buffer.from(bytes ?? '').toString())
        assert.ok(found === value || found === value + 1, `${counter}: ${found}, not ${value}`)
      }
      await store.close()
    }
  })
})

/** Lets a process count until it has acknowledged so many, and kills it. */
async function countUntilKilled(path: string, acknowledged: number[], many: number): Promise<void> {
  const counting = startProcess()
  counting.send({ do: 'countForever', path, counters: acknowledged.length })
  let rest = ''
  let seen = 0
  let killing: Promise<void> | undefined
  for await (const chunk of counting.output) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [counter = 0, value = 0] = line.split(' ').map(Number)
      acknowledged[counter] = value
    }
    seen += lines.length
    if (seen >= many) killing ??= counting.kill()
  }
  await killing
}

describe('a process that is frozen', () => {
  it('cannot write when it wakes after another has taken its shard', async () => {
    const path = await tempFolder()
    const frozen = startProcess()
    assert.equal((await frozen.tell({ do: 'open', path, owner: 7 })).outcome, 'done')
    await frozen.tell({ do: 'write', id: 'a', version: 0, text: 'old' })
    frozen.stop()
    const store = await LmdbStateStore.open(path, { owner: 8 })
    await store.write(thing, { epoch: 1n, version: 1n }, { bytes: Buffer.from('new') })
    frozen.go()
    const late = await frozen.tell({ do: 'write', id: 'a', version: 1, text: 'late' })
    assert.deepEqual(late, {
      outcome: 'Fenced',
      message: `Cannot write to ${path} as owner 7: owner 8 has it`,
    })
    await expectText(store, 'new', 2n)
    assert.equal(
      (await frozen.tell({ do: 'write', id: 'b', version: 0, text: 'x' })).outcome,
      'Fenced',
    )
    assert.equal((await frozen.tell({ do: 'close' })).outcome, 'done')
    await store.close()
  })

  it('cannot write what it was about to write when it was frozen', async () => {
    const path = await tempFolder()
    const frozen = startProcess()
    await frozen.tell({ do: 'open', path, owner: 7 })
    frozen.stop()
    const late = frozen.tell({ do: 'write', id: 'a', version: 0, text: 'late' })
    const store = await LmdbStateStore.open(path, { owner: 8 })
    frozen.go()
    assert.equal((await late).outcome, 'Fenced')
    assert.equal(await store.read(thing), null)
    await store.close()
  })

  it('in a transaction stalls no shard but its own, and that only until it is killed', async () => {
    const folder = await tempFolder()
    const [held, free] = [join(folder, 'held'), join(folder, 'free')]
    await Promise.all([mkdir(held), mkdir(free)])
    const frozen = startProcess()
    assert.equal((await frozen.tell({ do: 'freezeInTransaction', path: held })).outcome, 'freezing')
    const opening = LmdbStateStore.open(held)
    const store = await LmdbStateStore.open(free)
    for (let version = 0n; version < 20n; version += 1n) {
      await store.write(thing, { epoch: 1n, version }, { bytes: Buffer.from('x') })
    }
    const first = await Promise.race([
      opening.then(() => 'opened'),
      store.close().then(() => 'held'),
    ])
    assert.equal(first, 'held')
    await frozen.kill()
    await (await opening).close()
  })

  it('need not be waited for', async () => {
    const path = await tempFolder()
    const frozen = startProcess()
    await frozen.tell({ do: 'freezeInTransaction', path })
    const waiting = new AbortController()
    const opening = LmdbStateStore.open(path, { signal: waiting.signal })
    waiting.abort()
    await assert.rejects(opening, {
      code: 'Unavailable',
      retry: 'safe',
      message: /gave? up|given up/,
    })
    const again = LmdbStateStore.open(path)
    await frozen.kill()
    const store = await again
    assert.equal(await store.read(thing), null)
    await store.close()
  })
})

describe('a data folder between processes', () => {
  it('is had by one supervisor, whom the other is told', async () => {
    const path = await tempFolder()
    const holder = startProcess()
    assert.equal((await holder.tell({ do: 'lockFolder', path })).outcome, 'done')
    const folder = await openDataFolder(path)
    await assert.rejects(folder.lock(), {
      code: 'DataFolderInUse',
      message: `Cannot use the data folder ${path}: process ${holder.pid} works on it`,
      details: { folder: path, pid: holder.pid },
    })
    assert.equal((await holder.tell({ do: 'releaseFolder' })).outcome, 'done')
    await (await folder.lock()).release()
  })

  it('is free as soon as its supervisor was killed', async () => {
    const path = await tempFolder()
    const folder = await openDataFolder(path)
    for (let round = 0; round < 3; round += 1) {
      const holder = startProcess()
      await holder.tell({ do: 'lockFolder', path })
      await assert.rejects(folder.lock(), { code: 'DataFolderInUse' })
      await holder.kill()
      await (await folder.lock()).release()
    }
  })

  it('is not free while its supervisor is frozen', async () => {
    const path = await tempFolder()
    const folder = await openDataFolder(path)
    const holder = startProcess()
    await holder.tell({ do: 'lockFolder', path })
    holder.stop()
    await assert.rejects(folder.lock(), { code: 'DataFolderInUse' })
    await holder.kill()
    await (await folder.lock()).release()
  })

  it('is had by exactly one of many that come at once', async () => {
    const path = await tempFolder()
    await openDataFolder(path)
    const rivals = Array.from({ length: 4 }, () => startProcess())
    const answers = await Promise.all(rivals.map((rival) => rival.tell({ do: 'lockFolder', path })))
    const outcomes = answers.map(({ outcome }) => outcome).toSorted()
    assert.deepEqual(outcomes, ['DataFolderInUse', 'DataFolderInUse', 'DataFolderInUse', 'done'])
  })
})
