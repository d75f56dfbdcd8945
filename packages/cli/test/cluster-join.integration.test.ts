import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { findEtcd, startEtcdServers } from '@epicserver/conformance'
import { createClusterKey } from '@epicserver/runtime/host'
import { AppUnderTest, epic, temporaryFolder, writeApp } from './cli-rig.ts'
import {
  ClusterUnderTest,
  counterIds,
  countersInMemory,
  freeListen,
  missingEtcd,
  writeKey,
} from './cluster-rig.ts'

const run = promisify(execFile)
const skip = missingEtcd

/** Both machines find each entity at one place. */
async function isOneWorld(first: AppUnderTest, second: AppUnderTest): Promise<void> {
  for (const id of counterIds) await first.call(id, 'add', 1)
  const counts = await Promise.all(counterIds.map((id) => second.call(id, 'add', 1)))
  assert.deepEqual(
    counts,
    counterIds.map(() => 2),
  )
}

test(
  'epic run --join: a machine that is named tells where the cluster is, once the key is proved',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, countersInMemory)
    const seed = await freeListen()
    const first = await cluster.start({ name: 'first', args: ['--listen', seed] })
    const joining = [
      '--join',
      `[::1]:1,${seed}`,
      '--listen',
      await freeListen(),
      '--lease-ms',
      '5000',
    ]
    const second = await AppUnderTest.start(t, cluster.app, {
      data: join(cluster.folder, 'second'),
      processes: 1,
      args: [...joining, '--cluster-key-file', cluster.keyFile],
    })
    await isOneWorld(first, second)

    const wrongKey = await writeKey(cluster.folder, 'wrong.key', createClusterKey())
    const said = first.line(/Cannot open a channel/)
    const stranger = await epic(
      ...['run', cluster.app, '--data', join(cluster.folder, 'stranger'), ...joining],
      ...['--cluster-key-file', wrongKey, '--wait', '1'],
    )
    assert.equal(stranger.code, 77)
    assert.match(stranger.stderr, /Cannot find the cluster at ".*", tried for 1 s: .*did not prove/)
    assert.ok(!stranger.stderr.includes('etcd:'), 'nothing of the cluster was told')
    await said
  },
)

test('epic run --join: nobody there is said after a while, with what was tried', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, countersInMemory)
  const key = await writeKey(folder, 'a.key', createClusterKey())
  const { code, stderr } = await epic(
    ...['run', app, '--data', join(folder, 'data'), '--join', '[::1]:1', '--wait', '1'],
    ...['--cluster-key-file', key],
  )
  assert.equal(code, 69)
  assert.match(stderr, /Cannot find the cluster at "\[::1\]:1", tried for 1 s: .*ECONNREFUSED/)
})

/** A network of its own: one host, one interface on which multicast comes back. */
async function hostOnLink(t: TestContext): Promise<readonly string[]> {
  const name = `epic-join-${randomBytes(3).toString('hex')}`
  await run('ip', ['netns', 'add', name])
  t.after(() => run('ip', ['netns', 'del', name]))
  const inside = ['ip', 'netns', 'exec', name]
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  await run('ip', ['-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'cable'])
  for (const end of ['cable', 'eth0']) await run('ip', ['-n', name, 'link', 'set', end, 'up'])
  await run('ip', ['-n', name, 'addr', 'add', 'fd00:e::1/64', 'dev', 'eth0', 'nodad'])
  return inside
}

const noNamespaces =
  process.getuid?.() === 0
    ? await run('ip', ['netns', 'list']).then(
        () => false as const,
        (error: Error) => `network namespaces cannot be made here: ${error.message.trim()}`,
      )
    : 'only root can make network namespaces'

test(
  'epic run --join lan: machines of one key find each other by multicast',
  { skip: skip || noNamespaces },
  async (t) => {
    const command = await hostOnLink(t)
    const place = { host: 'fd00:e::1', command }
    const binary = (await findEtcd()).binary ?? ''
    const servers = await startEtcdServers({ binary, count: 1, places: [place] })
    t.after(() => servers.stop())
    const folder = await temporaryFolder(t)
    const app = await writeApp(folder, countersInMemory)
    const key = await writeKey(folder, 'a.key', createClusterKey())
    const engine = (servers.endpoints[0] ?? '').replace('http://', 'etcd://')
    const start = (name: string, ...args: readonly string[]): Promise<AppUnderTest> =>
      AppUnderTest.start(t, app, {
        data: join(folder, name),
        processes: 1,
        command,
        args: ['--cluster-key-file', key, '--lease-ms', '5000', ...args],
      })
    const first = await start(
      ...(['first', '--cluster', `${engine}?allowPlainText=yes`, '--state', 'none'] as const),
      ...['--listen', '[::]:4030'],
    )
    const second = await start('second', '--join', 'lan', '--listen', '[::]:4040')
    await isOneWorld(first, second)
  },
)
