import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createClusterKey } from '@epicserver/runtime/host'
import { epic, temporaryFolder, writeApp, type AppUnderTest } from './cli-rig.ts'
import {
  ClusterUnderTest,
  countersInMemory,
  freeListen,
  missingEtcd,
  writeKey,
} from './cluster-rig.ts'

const skip = missingEtcd

/** What the command says without an engine being asked. */
async function refusal(
  t: TestContext,
  ...args: readonly string[]
): Promise<[number | null, string]> {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, countersInMemory)
  const { code, stderr } = await epic('run', app, '--data', join(folder, 'data'), ...args)
  return [code, stderr]
}

const nowhere = ['--cluster', 'etcd://127.0.0.1:1', '--state', 'none'] as const

test('cluster, no secret: listening beyond loopback is refused, with what to do', async (t) => {
  const [code, said] = await refusal(t, ...nowhere)
  assert.equal(code, 77)
  assert.match(said, /Cannot listen at \[::\]:3030: other machines reach it, and there is neither/)
  assert.match(said, /"epic key cluster\.key".*--cluster-key-file.*--listen \[::1\]:3030/)
})

test('cluster, a key that others may read: is refused, with the command that mends it', async (t) => {
  const folder = await temporaryFolder(t)
  const file = await writeKey(folder, 'open.key', createClusterKey())
  await chmod(file, 0o644)
  const [code, said] = await refusal(t, ...nowhere, '--cluster-key-file', file)
  assert.equal(code, 73)
  assert.match(said, /other users may read it.*chmod 600/)
})

test('cluster, a password as an argument: is refused before anything is done', async (t) => {
  const engine = 'postgres://epic:secret@127.0.0.1/epic'
  const [code, said] = await refusal(t, '--cluster', engine, '--state', 'none')
  assert.equal(code, 2)
  assert.match(
    said,
    /can be read by every user of this machine: put the address into the environment/,
  )
})

test('cluster, settings that do not fit: each is named', async (t) => {
  const table = [
    [['--state', 'none'], /Cannot use --state without --cluster/],
    [['--cluster-key-file', 'x'], /Cannot use --cluster-key-file without --cluster or --join/],
    [['--listen', '[::1]:0'], /Cannot use --listen without --cluster or --join/],
    [['--cluster', 'etcd://127.0.0.1:1'], /where entities are saved.*--state none/],
    [
      ['--cluster', 'redis://x', '--state', 'none', '--listen', '[::1]:0'],
      /"redis:\/\/x" as the cluster's engine/,
    ],
    [[...nowhere, '--listen', '3030'], /Cannot read "3030" as an address/],
    [
      [...nowhere, '--cluster-name', 'Shop!', '--listen', '[::1]:0'],
      /"Shop!" as the cluster's name/,
    ],
    [[...nowhere, '--join', 'lan'], /--join with --cluster/],
    [['--join', 'lan'], /Cannot find machines by multicast without a cluster key/],
  ] as const
  for (const [args, pattern] of table) {
    const [code, said] = await refusal(t, ...args)
    assert.equal(code, 78, said)
    assert.match(said, pattern)
  }
})

test('epic run --config: a file of options, below the command line, and nothing else', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'epic.json')
  const table = [
    [
      { cluster: 'etcd://127.0.0.1:1', state: 'none', clusterName: 'Shop!', listen: '[::1]:0' },
      /"Shop!"/,
    ],
    [
      { cluster: 'etcd://127.0.0.1:1', clustername: 'a' },
      /Cannot use "clustername".*no such option.*clusterName/,
    ],
    [{ wait: 'long' }, /Cannot use "wait".*number of seconds/],
    [{ production: 'yes' }, /Cannot use "production".*true or false/],
    [[], /holds no JSON object/],
  ] as const
  for (const [content, pattern] of table) {
    await writeFile(file, JSON.stringify(content))
    const [code, said] = await refusal(t, '--config', file)
    assert.equal(code, 78, said)
    assert.match(said, pattern)
  }
  await writeFile(file, JSON.stringify({ clusterName: 'Shop!', listen: '[::1]:0' }))
  const [, said] = await refusal(t, '--config', file, ...nowhere, '--cluster-name', 'Market!')
  assert.match(said, /"Market!" as the cluster's name/)
})

test('epic run --config: a password in a file that others may read is refused', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'epic.json')
  await writeFile(file, JSON.stringify({ state: 'postgres://epic:secret@db/epic' }), {
    mode: 0o644,
  })
  const [code, said] = await refusal(t, '--config', file)
  assert.equal(code, 73)
  assert.match(said, /chmod 600/)
})

for (const engine of ['etcd://127.0.0.1:1', 'postgres://127.0.0.1:1/epic']) {
  test(`cluster, an engine that cannot be reached: is waited for, then said: ${engine}`, async (t) => {
    const place = ['--cluster', engine, '--state', 'none', '--listen', '[::1]:0']
    const [code, said] = await refusal(t, ...place, '--wait', '1')
    assert.equal(code, 69)
    assert.ok(said.includes(`waiting to reach the engine at ${engine}`), said)
    assert.ok(said.includes(`Cannot reach the engine at ${engine}, tried for 1 s`), said)
  })
}

test(
  'cluster, entities that this machine saved alone: the folder is refused',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, countersInMemory)
    const data = join(cluster.folder, 'alone')
    await epic('run', cluster.app, '--data', data, '--exit-after-setup')
    await mkdir(join(data, 'shard-000'), { recursive: true })
    const { code, stderr } = await cluster.fail({ name: 'alone' })
    assert.equal(code, 78)
    assert.match(stderr, /entities were saved there by this machine alone/)
  },
)

test(
  'cluster, a machine with another key or other settings: both sides say why, and the cluster goes on',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, countersInMemory)
    const first = await cluster.start({ name: 'first' })
    const wrongKey = await writeKey(cluster.folder, 'wrong.key', createClusterKey())
    const seen = first.line(/did not prove|cannot accept|Cannot open a channel/i)
    const stranger = await cluster.fail({
      name: 'stranger',
      args: ['--cluster-key-file', wrongKey, '--wait', '2'],
    })
    assert.equal(stranger.code, 77)
    assert.match(stranger.stderr, /Cannot join the cluster: .*/)
    await seen
    const told = first.line(/compatibility is/)
    const other = await cluster.fail({ name: 'other', args: ['--on-engine-loss', 'serve'] })
    assert.equal(other.code, 78)
    assert.match(other.stderr, /onEngineLoss is "fence" there and "serve" here/)
    assert.match(
      await told,
      /onEngineLoss fence.*onEngineLoss serve|onEngineLoss serve.*onEngineLoss fence/,
    )
    assert.equal(await first.call('Counter/a', 'add', 1), 1)
  },
)

/** Everything that this side may say, in pieces; resolves when the other side hangs up or has heard it all. */
async function speakTo(port: number, pieces: readonly (string | Uint8Array)[]): Promise<void> {
  const socket = connect({ host: '::1', port })
  socket.on('error', () => socket.destroy())
  const closed = new Promise((resolve) => socket.once('close', resolve))
  for (const piece of pieces) socket.write(piece)
  socket.end()
  socket.resume()
  await closed
}

test(
  'cluster, a foreign protocol on the ports: is hung up on, and nodes go on',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, countersInMemory)
    const listen = await freeListen()
    const first = await cluster.start({ name: 'first', args: ['--listen', listen] })
    const port = Number(listen.split(':').at(-1))
    const foreign: (string | Uint8Array)[][] = [
      ['GET / HTTP/1.1\r\nHost: epic\r\n\r\n'],
      ['SSH-2.0-OpenSSH_9.2\r\n'],
      [Uint8Array.from([0x16, 0x03, 0x01, 0xff, 0xff])],
      ...Array.from({ length: 8 }, () => [randomBytes(2_000)]),
    ]
    for (const pieces of foreign) {
      await speakTo(port, pieces)
      await speakTo(port + 1, pieces)
    }
    assert.equal(await first.call('Counter/a', 'add', 1), 1)
    await answersAgain(first)
  },
)

/** Resolves when a call is answered, however often it must be tried. */
async function answersAgain(machine: AppUnderTest): Promise<void> {
  for (;;) {
    const isAnswered = await machine.call('Counter/again', 'add', 1).then(
      () => true,
      () => false,
    )
    if (isAnswered) return
  }
}
