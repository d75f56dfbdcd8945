import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ClusterUnderTest,
  killMachine,
  missingEtcd,
  missingPostgres,
  startDatabase,
} from './cluster-rig.ts'

const skip = missingEtcd || missingPostgres

const savers = `
export class Account extends Entity {
  static override settings = settings<Account>({ operations: { add: { idempotent: true } } })
  balance = 0
  async add(by: number): Promise<number> { this.balance += by; return this.balance }
}
export default defineApp({ entities: { Account } })`

const ids = Array.from({ length: 16 }, (_, i) => `Account/a${i}`)

test(
  'cluster over PostgreSQL: what was acknowledged is there after the loss of a machine',
  { skip },
  async (t) => {
    const state = (await startDatabase(t)).address
    const cluster = await ClusterUnderTest.create(t, savers)
    const first = await cluster.start({ name: 'first', state })
    const second = await cluster.start({ name: 'second', state })
    for (const id of ids) await first.call(id, 'add', 7)
    await killMachine(second)
    const balances = await Promise.all(ids.map((id) => first.call(id, 'add', 1)))
    assert.deepEqual(
      balances,
      ids.map(() => 8),
    )
  },
)

test('cluster over PostgreSQL alone: the database is the engine too', { skip }, async (t) => {
  const { address } = await startDatabase(t)
  const cluster = await ClusterUnderTest.create(t, savers)
  const options = { engine: address, state: address }
  const first = await cluster.start({ name: 'first', ...options })
  const second = await cluster.start({ name: 'second', ...options })
  for (const id of ids) await first.call(id, 'add', 1)
  assert.deepEqual(
    await Promise.all(ids.map((id) => second.call(id, 'add', 1))),
    ids.map(() => 2),
  )
})

test(
  'cluster over a database that belongs to another cluster: is refused before a node starts',
  { skip },
  async (t) => {
    const state = (await startDatabase(t)).address
    const cluster = await ClusterUnderTest.create(t, savers)
    const first = await cluster.start({ name: 'first', state })
    await first.app.stop()
    const other = await ClusterUnderTest.create(t, savers)
    const { code, stderr } = await other.fail({ name: 'second', state })
    assert.equal(code, 78)
    assert.match(stderr, /Cannot use the state store: it belongs to cluster .* and the engine to /)
  },
)
