import assert from 'node:assert/strict'
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { ClusterClient, openClusterAuthority } from '@epicserver/cluster-lmdb'
import type { ClusterAuthority } from '@epicserver/cluster-lmdb'
import type { ClusterStore } from '@epicserver/contracts'
import { createCodec } from '@epicserver/wire'
import { LmdbDisk } from '#src/lmdb-disk.ts'
import { compiledPath, kill, startAuthority } from './child.ts'
import { ManualClock } from './manual-clock.ts'
import { makeTempFolder } from './temp-folder.ts'

const home = await makeTempFolder()
after(() => home.remove())
let places = 0

async function freshPlace(): Promise<{ folder: string; socketPath: string }> {
  places += 1
  const path = join(home.path, String(places))
  await mkdir(path)
  return { folder: join(path, 'truth'), socketPath: join(path, 's.sock') }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (
  key: string,
  text: string,
): { if: []; then: [{ op: 'put'; key: string; value: Uint8Array }] } => ({
  if: [],
  then: [{ op: 'put', key, value: bytes(text) }],
})

describe('authority: checklist 4: its folder and socket', () => {
  it('are its owner’s alone', async () => {
    const place = await freshPlace()
    const authority = await openClusterAuthority(place)
    assert.equal((await lstat(place.folder)).mode & 0o777, 0o700)
    assert.equal((await lstat(place.socketPath)).mode & 0o777, 0o600)
    await authority.close()
  })

  it('are refused when a link is in the way', async () => {
    const place = await freshPlace()
    await mkdir(`${place.folder}-elsewhere`)
    await symlink(`${place.folder}-elsewhere`, place.folder)
    await assert.rejects(openClusterAuthority(place), { code: 'DataFolderUnsafe' })
  })

  it('are refused when a file is where the socket should be, which stays', async () => {
    const place = await freshPlace()
    await writeFile(place.socketPath, 'mine')
    await assert.rejects(openClusterAuthority(place), { code: 'DataFolderUnsafe' })
    assert.equal((await lstat(place.socketPath)).size, 4)
  })

  it('are refused to a second authority, and the first goes on', async () => {
    const place = await freshPlace()
    const first = await openClusterAuthority(place)
    await assert.rejects(openClusterAuthority(place), { code: 'DataFolderInUse' })
    assert.equal((await first.connect().txn(put('a', 'still here'))).ok, true)
    await first.close()
  })

  it('are taken over from one that was killed', async () => {
    const place = await freshPlace()
    await kill(await startAuthority(place.folder, place.socketPath))
    assert.ok((await lstat(place.socketPath)).isSocket())
    const next = await openClusterAuthority(place)
    assert.equal((await next.connect().txn(put('a', 'mine now'))).ok, true)
    await next.close()
  })

  it('are refused for a path that no socket can have, in a sentence', async () => {
    const place = await freshPlace()
    const socketPath = join(home.path, 'x'.repeat(120))
    await assert.rejects(openClusterAuthority({ ...place, socketPath }), {
      code: 'SettingsInvalid',
      message: /a socket's path has at most 103 bytes, this has \d+/,
    })
  })
})

describe('authority: checklist 8, 9, 39: what strangers send', () => {
  const length = (count: number): Buffer => Buffer.from(Uint32Array.of(count).buffer)
  const framed = (...messages: unknown[]): Buffer => {
    const codec = createCodec()
    const body = Buffer.concat(messages.map((message) => codec.encode(message)))
    return Buffer.concat([length(body.length), body])
  }
  const hello = [0, { kind: 'hello', protocol: 1 }]
  const hostile: readonly [claim: string, Buffer][] = [
    ['a length of 4 GB', length(0xffff_ffff)],
    ['random bytes', Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 151) & 255))],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a message that is none', framed('hello')],
    ['a request before hello', framed([1, { kind: 'get', key: 'a' }])],
    ['an unknown kind', framed(hello, [1, { kind: '__proto__' }])],
    [
      'one watch id twice',
      framed(hello, ...[1, 1].map((id) => [id, { kind: 'watch', prefix: '', from: 0n }])),
    ],
    [
      'more watches than anyone needs',
      framed(
        hello,
        ...Array.from({ length: 1_001 }, (_, i) => [i, { kind: 'watch', prefix: '', from: 0n }]),
      ),
    ],
    [
      'a value of more elements than a request has',
      framed(hello, [1, { kind: 'get', key: Array.from({ length: 9_000 }, () => 0) }]),
    ],
    ['a value nested without end', framed(hello, [1, nested(60)]).fill(0x91, 40)],
  ]
  for (const [claim, bytesSent] of hostile) {
    it(`${claim}: the connection ends, is counted, and others do not notice`, async () => {
      const place = await freshPlace()
      const authority = await openClusterAuthority(place)
      const socket = connect(place.socketPath)
      const closed = once(socket, 'close')
      socket.on('error', () => undefined)
      socket.resume().write(bytesSent)
      await closed
      assert.deepEqual(authority.counts, { connections: 0, broken: 1, refused: 0 })
      assert.equal((await authority.connect().txn(put('a', 'x'))).ok, true)
      await authority.close()
    })
  }

  it('silence: ends when the time for a hello is over', async () => {
    const clock = new ManualClock()
    const place = await freshPlace()
    const authority = await openClusterAuthority({ ...place, clock })
    const socket = await connected(place.socketPath, authority)
    const closed = once(socket, 'close')
    clock.advance(5_000)
    await closed
    assert.equal(authority.counts.broken, 1)
    await authority.close()
  })

  it('another protocol: is told so, and the client says it to whoever asks', async () => {
    const place = await freshPlace()
    const authority = await openClusterAuthority(place)
    const socket = connect(place.socketPath)
    const answer = once(socket, 'data')
    const closed = once(socket, 'close')
    socket.write(framed([0, { kind: 'hello', protocol: 99 }]))
    const [chunk] = (await answer) as [Buffer]
    const decoded = createCodec().decode(chunk, 4)
    assert.match(JSON.stringify(decoded), /"Incompatible".*protocol 1, this process 99/)
    await closed
    await authority.close()
  })
})

describe('authority: killed', () => {
  it('loses nothing that was acknowledged, whenever it is', async () => {
    const place = await freshPlace()
    const client = new ClusterClient({ socketPath: place.socketPath, requestMs: 20_000 })
    const counters = Array.from({ length: 8 }, (_, i) => new Counter(client, `counter/${i}`))
    for (let round = 0; round < 6; round += 1) {
      const child = await startAuthority(place.folder, place.socketPath)
      const untilKilled = once(child, 'exit')
      const raising = Promise.all(counters.map((counter) => counter.raise(10 + round * 3)))
      await counters[round]?.reaches(round * 7 + 3)
      child.kill('SIGKILL')
      await untilKilled
      const next = await startAuthority(place.folder, place.socketPath)
      await raising
      for (const counter of counters) await counter.check()
      await kill(next)
    }
    await client.close()
  })
})

describe('authority: fenced', () => {
  it('one whose disk was taken over by another writes nothing more, and says so', async () => {
    const place = await freshPlace()
    const child = await startAuthority(place.folder, place.socketPath)
    const client = new ClusterClient(place)
    await client.txn(put('a', 'before'))
    const disk = LmdbDisk.open(place.folder)
    await assert.rejects(client.txn(put('a', 'after')), {
      code: 'Unavailable',
      message: /another authority took it over/,
    })
    await assert.rejects(client.get('a'), { code: 'Unavailable' })
    assert.deepEqual(
      disk.load().recs.map((rec) => Buffer.from(rec.value).toString()),
      ['before'],
    )
    await disk.close()
    await client.close()
    await kill(child)
  })
})

const isRoot = process.getuid?.() === 0

describe(
  'authority: on a full disk',
  { skip: !isRoot && 'only root can mount a small disk' },
  () => {
    it('refuses changes of which nothing is done, tells watchers nothing of them, and goes on', async () => {
      const place = await freshPlace()
      await mkdir(place.folder)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', place.folder])
      try {
        const authority = await openClusterAuthority(place)
        const store = authority.connect()
        const told = new Set<string>()
        store.watch('', 0n, (events) => {
          if (events !== 'reset')
            for (const event of events) told.add(event.kind === 'put' ? event.rec.key : event.key)
        })
        const lease = await store.grant(60_000)
        const together = Promise.allSettled(
          Array.from({ length: 30 }, (_, i) => store.txn(put(`large/${i}`, 'x'.repeat(30_000)))),
        )
        const outcomes = [...(await settleInTurn(store, 30)), ...(await together)]
        assert.deepEqual(new Set(outcomes.map(codeOfOutcome)), new Set(['done', 'StoreFull']))
        const kept = (await store.list('')).recs.map((rec) => rec.key)
        assert.deepEqual(told, new Set(kept))
        assert.equal(
          kept.length,
          outcomes.filter((outcome) => outcome.status === 'fulfilled').length,
        )
        await store.keepAlive(lease.id)
        execFileSync('mount', ['-o', 'remount,size=8m', place.folder])
        assert.equal((await store.txn(put('large/again', 'x'.repeat(30_000)))).ok, true)
        await authority.close()
      } finally {
        execFileSync('umount', ['-l', place.folder])
      }
    })
  },
)

describe('authority: frozen', () => {
  it('is Unavailable to reads and Unknown to changes, and is found again when it wakes', async () => {
    const place = await freshPlace()
    const child = await startAuthority(place.folder, place.socketPath)
    const client = new ClusterClient({ socketPath: place.socketPath, requestMs: 250 })
    await client.txn(put('a', 'before'))
    child.kill('SIGSTOP')
    const outcomes = await Promise.allSettled([
      client.get('a'),
      client.txn(put('b', 'perhaps')),
      client.grant(1_000),
    ])
    assert.deepEqual(outcomes.map(codeOfOutcome), ['Unavailable', 'Unknown', 'Unknown'])
    child.kill('SIGCONT')
    const patient = new ClusterClient({ socketPath: place.socketPath })
    assert.notEqual(await patient.get('a'), null)
    await client.close()
    await patient.close()
    await kill(child)
  })
})

describe('authority: by the machine’s clock', () => {
  it('a lease ends when its time is over and nobody renews it, not before', async () => {
    const place = await freshPlace()
    const authority = await openClusterAuthority(place)
    const client = new ClusterClient(place)
    const grantedAt = performance.now()
    const { id, ttlMs } = await client.grant(200)
    const { rev } = await client.txn({
      if: [],
      then: [{ op: 'put', key: 'member', value: bytes('alive'), lease: id }],
    })
    const gone = new Promise<string>((resolve) => {
      client.watch('member', rev, (events) =>
        resolve(events === 'reset' ? events : (events[0]?.kind ?? '')),
      )
    })
    assert.equal(await gone, 'delete')
    assert.ok(performance.now() - grantedAt >= ttlMs)
    await assert.rejects(client.keepAlive(id), { code: 'LeaseLost' })
    await client.close()
    await authority.close()
  })
})

describe('client', () => {
  it('is told at once when the two sides do not fit, and asks no more', async () => {
    const place = await freshPlace()
    const child = fork(compiledPath('foreign-authority'), [place.socketPath])
    await once(child, 'message')
    const client = new ClusterClient(place)
    await assert.rejects(client.get('a'), {
      code: 'Incompatible',
      message: 'Cannot talk: I am newer',
    })
    await assert.rejects(client.txn(put('a', 'x')), { code: 'Incompatible' })
    await client.close()
    await kill(child)
  })

  it('resets its watches when another truth is at the socket', async () => {
    const place = await freshPlace()
    const first = await openClusterAuthority(place)
    const client = new ClusterClient(place)
    const { rev } = await client.txn(put('a', 'x'))
    const isReset = new Promise<boolean>((resolve) => {
      client.watch('', rev, (events) => resolve(events === 'reset'))
    })
    await first.close()
    const second = await openClusterAuthority({ ...place, folder: `${place.folder}-anew` })
    await second.connect().txn(put('b', 'of another history'))
    assert.equal(await isReset, true)
    await client.close()
    await second.close()
  })
})

function codeOfOutcome(outcome: PromiseSettledResult<unknown>): unknown {
  return outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'done'
}

/** Small puts, each after the one before. */
async function settleInTurn(
  store: ClusterStore,
  count: number,
): Promise<PromiseSettledResult<unknown>[]> {
  const outcomes: PromiseSettledResult<unknown>[] = []
  for (let i = 0; i < count; i += 1) {
    outcomes.push(...(await Promise.allSettled([store.txn(put(`small/${i}`, 'y'.repeat(8_000)))])))
  }
  return outcomes
}

/** A counter raised by compare-and-set, which knows what it was told. */
class Counter {
  readonly #client: ClusterClient
  readonly #key: string
  #acknowledged = 0
  #unknown = 0
  #wake: (() => void)[] = []

  constructor(client: ClusterClient, key: string) {
    this.#client = client
    this.#key = key
  }

  async raise(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) await this.#raiseOnce()
  }

  /** Waits until it stands, as far as was acknowledged, at `count` or above. */
  async reaches(count: number): Promise<void> {
    while (this.#acknowledged < count)
      await new Promise<void>((resolve) => this.#wake.push(resolve))
  }

  async check(): Promise<void> {
    const rec = await this.#client.get(this.#key)
    const found = rec === null ? 0 : Number(Buffer.from(rec.value).toString())
    assert.ok(
      found >= this.#acknowledged,
      `${this.#key}: ${found} of ${this.#acknowledged} acknowledged`,
    )
    assert.ok(
      found <= this.#acknowledged + this.#unknown,
      `${this.#key}: ${found} is more than was ever asked for`,
    )
  }

  async #raiseOnce(): Promise<void> {
    const rec = await this.#client.get(this.#key)
    const next = String((rec === null ? 0 : Number(Buffer.from(rec.value).toString())) + 1)
    const condition =
      rec === null
        ? ({ key: this.#key, is: 'missing' } as const)
        : ({ key: this.#key, is: 'at', rev: rec.rev } as const)
    try {
      const { ok } = await this.#client.txn({ ...put(this.#key, next), if: [condition] })
      if (ok) this.#acknowledged = Number(next)
    } catch (error) {
      assert.equal((error as { code: string }).code, 'Unknown')
      this.#unknown += 1
    }
    for (const wake of this.#wake.splice(0)) wake()
  }
}

/** A stranger who has connected and says nothing. */
async function connected(socketPath: string, authority: ClusterAuthority): Promise<Socket> {
  const socket = connect(socketPath)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  // The authority's turn to accept comes with its next I/O; a client that was served came after.
  const client = new ClusterClient({ socketPath })
  await client.list('')
  await client.close()
  assert.ok(authority.counts.connections >= 1)
  return socket
}

function nested(depth: number): unknown {
  return depth === 0 ? 0 : [nested(depth - 1)]
}
