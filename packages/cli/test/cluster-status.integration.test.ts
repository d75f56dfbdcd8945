import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterStatus, EntityView, NodeStatements } from '@epicserver/runtime/host'
import { AppUnderTest, epic, temporaryFolder, writeApp } from './cli-rig.ts'
import { ClusterUnderTest, missingEtcd, missingPostgres, startDatabase } from './cluster-rig.ts'

const savers = `
export class Account extends Entity {
  balance = 0
  async add(by: number): Promise<number> { this.balance += by; return this.balance }
}
export default defineApp({ entities: { Account } })`

async function json<T>(machine: AppUnderTest, ...args: readonly string[]): Promise<T> {
  const { stdout } = await epic(...args, '--data', machine.data, '--json')
  return JSON.parse(stdout) as T
}

const skip = missingEtcd || missingPostgres

test(
  'epic status, top and db: show the whole cluster from each of its machines',
  { skip },
  async (t) => {
    const state = (await startDatabase(t)).address
    const cluster = await ClusterUnderTest.create(t, savers)
    const zone = ['--zone', 'b', '--labels', 'gpu,ssd', '--app-version', '7']
    const first = await cluster.start({ name: 'first', state, processes: 2 })
    const second = await cluster.start({ name: 'second', state, args: zone })
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await first.call(`Account/${id}`, 'add', 1)

    const { code, stdout } = await epic('status', '--data', second.data)
    assert.equal(code, 0, stdout)
    assert.match(
      stdout,
      /^cluster epic: view \d+, 3 nodes, master [0-9a-f]+\nengine etcd:\/\/127\.0\.0\.1:\d+: answers in [\d.]+ ms\n\nnode /,
    )
    assert.match(stdout, /\[::1\]:\d+ +b +gpu,ssd +7 +active +lives/)

    const status = await json<ClusterStatus & { troubles: string[] }>(first, 'status')
    const { members = [], ownerless, partitions } = status.membership ?? {}
    assert.deepEqual([members.length, status.nodes.length, ownerless, partitions], [3, 3, 0, 1024])
    assert.equal(
      members.reduce((sum, { owns }) => sum + owns, 0),
      1024,
    )
    assert.equal(
      status.nodes.reduce((sum, { entities }) => sum + entities, 0),
      6,
    )
    assert.deepEqual(status.troubles, [])

    for (const id of ['a', 'b', 'c']) {
      const view = await json<EntityView>(second, 'inspect', `Account/${id}`)
      assert.deepEqual([view.fields, view.isActive], [{ balance: 1 }, true])
      assert.ok(members.some(({ node }) => node === view.node))
    }
    const nobody = await epic('inspect', 'Account/nobody', '--data', first.data)
    assert.match(nobody.stderr, /no node has it in memory, and nothing of it is saved/)

    const { nodes } = await json<{ nodes: NodeStatements[] }>(second, 'db')
    const writes = nodes.flatMap(({ statements }) =>
      statements.filter((each) => each.statement === 'apply'),
    )
    assert.ok(writes.reduce((sum, { requests }) => sum + requests, 0) >= 6)
    const shown = await epic('db', '--data', second.data)
    const metrics = await epic('db', '--data', second.data, '--metrics')
    assert.match(
      metrics.stdout,
      /^epic_db_statements_total\{node="\w+",shard="0",statement="apply"\} \d+$/m,
    )
    assert.match(shown.stdout, /^node +shard +statement +count +errors +requests/)

    const top = await epic('top', '--data', first.data, '--count', '2', '--every', '0.1', '--json')
    const looks = top.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ClusterStatus)
    assert.deepEqual(
      looks.map((look) => look.nodes.length),
      [3, 3],
    )
  },
)

test(
  'epic status: an engine that is away is said, with exit code 1',
  { skip: missingEtcd },
  async (t) => {
    const cluster = await ClusterUnderTest.create(
      t,
      savers.replace(
        'balance = 0',
        'static override settings = settings<Account>({ persistent: false }); balance = 0',
      ),
    )
    const machine = await cluster.start({ name: 'first' })
    const said = machine.line(/the engine cannot be reached/)
    await cluster.servers.kill(0)
    await said
    const { code, stdout } = await epic('status', '--data', machine.data)
    assert.equal(code, 1)
    assert.match(
      stdout,
      /engine etcd:.*: CANNOT BE USED, failed \d+ times\n! the engine cannot be used: /,
    )
  },
)

test('epic status on one machine alone: the same table; db says that there is no database', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, savers)
  const machine = await AppUnderTest.start(t, app, { data: `${folder}/data`, processes: 2 })
  await machine.allServe(2)
  const { code, stdout } = await epic('status', '--data', machine.data)
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^this machine alone: view \d+, 2 nodes/)
  const db = await epic('db', '--data', machine.data)
  assert.match(db.stdout, /^No statements/)
})
