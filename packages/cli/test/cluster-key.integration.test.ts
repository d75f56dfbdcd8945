import assert from 'node:assert/strict'
import { chmod, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClusterKey } from '@epicserver/runtime/host'
import { epic, temporaryFolder, type AppUnderTest } from './cli-rig.ts'
import {
  ClusterUnderTest,
  counterIds,
  countersInMemory,
  missingEtcd,
  writeKey,
} from './cluster-rig.ts'

const skip = missingEtcd

async function keysIn(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
}

/** Has a running machine read its key file, and says how many keys it accepts. */
async function reload(machine: AppUnderTest): Promise<unknown> {
  const { stdout, stderr } = await epic('key', '--reload', '--data', machine.data, '--json')
  assert.equal(stderr, '')
  return (JSON.parse(stdout) as { readonly keys: number }).keys
}

async function pidsOf(machine: AppUnderTest): Promise<unknown[]> {
  return (await machine.app.nodes()).map(({ pid, node }) => ({ pid, node }))
}

test(
  'epic key: a key is exchanged while the cluster runs; then only the new one lets in (checklist 5)',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, countersInMemory)
    const { keyFile } = cluster
    const first = await cluster.start({ name: 'first' })
    const second = await cluster.start({ name: 'second' })
    for (const id of counterIds) await first.call(id, 'add', 1)
    const before = [await pidsOf(first), await pidsOf(second)]

    assert.equal((await epic('key', keyFile, '--add')).code, 0)
    const [old = '', next = '', ...more] = await keysIn(keyFile)
    assert.ok(old !== next && more.length === 0)
    assert.deepEqual([await reload(first), await reload(second)], [2, 2])
    await writeKey(cluster.folder, 'cluster.key', `${next}\n${old}`)
    assert.equal(await reload(first), 2)
    // The other was not told yet that the order is another, and both take who uses either.
    const third = await cluster.start({ name: 'third' })
    assert.equal(await reload(second), 2)
    await writeKey(cluster.folder, 'cluster.key', next)
    const replaced = Promise.all(
      [first, second].map((machine) =>
        machine.line(/a link was replaced, since its key counts no/),
      ),
    )
    for (const machine of [first, second, third]) assert.equal(await reload(machine), 1)
    await replaced

    const oldKey = await writeKey(cluster.folder, 'old.key', old)
    const late = await cluster.fail({
      name: 'late',
      args: ['--cluster-key-file', oldKey, '--wait', '2'],
    })
    assert.equal(late.code, 77, late.stderr)
    const fourth = await cluster.start({ name: 'fourth' })
    for (const id of counterIds) assert.equal(await fourth.call(id, 'add', 1), 2)
    assert.deepEqual([await pidsOf(first), await pidsOf(second)], before, 'nobody was restarted')
  },
)

test(
  'epic key --reload: what cannot be used changes nothing, and says why',
  { skip },
  async (t) => {
    const cluster = await ClusterUnderTest.create(t, countersInMemory)
    const { keyFile } = cluster
    const first = await cluster.start({ name: 'first' })
    const [key = ''] = await keysIn(keyFile)
    const refused = async (): Promise<string> => {
      const { code, stderr } = await epic('key', '--reload', '--data', first.data)
      assert.notEqual(code, 0)
      return stderr
    }
    await writeKey(cluster.folder, 'cluster.key', 'too short')
    assert.match(await refused(), /Cannot use the cluster key: it has 9 of at least 16 bytes/)
    await writeKey(cluster.folder, 'cluster.key', '')
    assert.match(await refused(), /it is empty/)
    await writeKey(
      cluster.folder,
      'cluster.key',
      Array.from({ length: 5 }, createClusterKey).join('\n'),
    )
    assert.match(await refused(), /there are 5, and 1 to 4 can count at once/)
    await chmod(keyFile, 0o644)
    assert.match(await refused(), /other users may read it/)
    await chmod(keyFile, 0o600)
    await writeKey(cluster.folder, 'cluster.key', key)
    const second = await cluster.start({ name: 'second' })
    assert.equal(await second.call('Counter/a', 'add', 1), 1)
  },
)

test('epic key: makes a file for its owner, never over another, and says what it cannot do', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'cluster.key')
  assert.equal((await epic('key', file)).code, 0)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const again = await epic('key', file)
  assert.match(again.stderr, /the file is there.*\n.*--add/)
  assert.match((await epic('key', file, '--reload')).stderr, /Cannot tell what to do/)
  assert.match((await epic('key')).stderr, /Cannot tell what to do/)
  assert.equal((await keysIn(file)).length, 1)
})
