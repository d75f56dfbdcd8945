/**
 * What a cluster does when its engine is away for a moment, for longer than a lease, and when it comes back with nothing.
 *
 * Each over a real etcd and a real PostgreSQL. Entities are saved elsewhere, so that it is the engine alone that fails.
 */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { epic, type AppUnderTest } from './cli-rig.ts'
import {
  ClusterUnderTest,
  killMachine,
  missingEtcd,
  missingPostgres,
  startDatabase,
  startEtcdEngine,
  startPostgresEngine,
  type EngineUnderTest,
} from './cluster-rig.ts'

const app = `
export class Account extends Entity {
  balance = 0
  async add(by: number): Promise<number> { this.balance += by; return this.balance }
  async show(): Promise<number> { return this.balance }
}
export class Visitor extends Entity {
  static override settings = settings<Visitor>({ persistent: false })
  visits = 0
  async visit(): Promise<number> { this.visits += 1; return this.visits }
}
export default defineApp({ entities: { Account, Visitor } })`

const skip = missingEtcd || missingPostgres
const ids = Array.from({ length: 16 }, (_, i) => `e${i}`)
/** So long that an engine is back before, however busy the machine is. */
const PATIENT_LEASE = ['--lease-ms', '60000']
/** Renewed often enough for its loss to be noticed soon, and not lost by a busy machine. */
const USUAL_LEASE = ['--lease-ms', '20000']
/** So short that it can be waited for. */
const SHORT_LEASE = ['--lease-ms', '8000']

const engines = [
  ['etcd', startEtcdEngine],
  ['PostgreSQL', startPostgresEngine],
] as const

interface Ground {
  readonly cluster: ClusterUnderTest
  readonly engine: EngineUnderTest
  /** How a machine is started on it. */
  readonly place: { readonly engine: string; readonly state: string }
}

async function prepare(
  t: TestContext,
  startEngine: (t: TestContext) => Promise<EngineUnderTest>,
): Promise<Ground> {
  const engine = await startEngine(t)
  const { address: state } = await startDatabase(t)
  const cluster = await ClusterUnderTest.create(t, app, { servers: 0 })
  return { cluster, engine, place: { engine: engine.address, state } }
}

function callAll(machine: AppUnderTest, type: string, operation: string): Promise<unknown[]> {
  const args = operation === 'add' ? [1] : []
  return Promise.all(ids.map((id) => machine.call(`${type}/${id}`, operation, ...args)))
}

async function lives(machine: AppUnderTest): Promise<unknown[]> {
  return (await machine.app.nodes()).map(({ pid, node, restarts }) => ({ pid, node, restarts }))
}

/** Resolves with the answer, however often it must be asked for. */
async function shown(machine: AppUnderTest, id: string): Promise<unknown> {
  for (;;) {
    const answer = await machine.call(`Account/${id}`, 'show').catch(() => undefined)
    if (answer !== undefined) return answer
  }
}

const all = (value: number): number[] => ids.map(() => value)

// Two at a time: they mostly wait.
describe('an engine', { skip, concurrency: 2 }, () => {
  for (const [name, startEngine] of engines) {
    it(`${name}, away for less than a lease: no call fails, on either machine, and no node ends`, async (t) => {
      const { cluster, engine, place } = await prepare(t, startEngine)
      const first = await cluster.start({ name: 'first', ...place, args: PATIENT_LEASE })
      const second = await cluster.start({ name: 'second', ...place, args: PATIENT_LEASE })
      await callAll(first, 'Visitor', 'visit')
      await callAll(second, 'Account', 'add')
      const before = [await lives(first), await lives(second)]
      const [noticed, back] = [
        [first.line(/the engine cannot be reached/), second.line(/the engine cannot be reached/)],
        [first.line(/the engine answers again/), second.line(/the engine answers again/)],
      ]
      await engine.kill()
      await Promise.all(noticed)
      // In memory only: an entity that was elsewhere meanwhile would count anew.
      assert.deepEqual(await callAll(second, 'Visitor', 'visit'), all(2))
      assert.deepEqual(await callAll(first, 'Account', 'add'), all(2))
      await engine.start()
      await Promise.all(back)
      assert.deepEqual(await callAll(first, 'Visitor', 'visit'), all(3))
      assert.deepEqual([await lives(first), await lives(second)], before)
    })

    it(`${name}, away for longer than a lease: nodes stop, say why, and are back with what was saved`, async (t) => {
      const { cluster, engine, place } = await prepare(t, startEngine)
      const first = await cluster.start({ name: 'first', ...place, args: SHORT_LEASE })
      await callAll(first, 'Account', 'add')
      const [said, stopped, serves] = [
        first.line(/the engine cannot be reached/),
        first.line(/has ended and is started again/),
        first.line(/"node serves"/),
      ]
      await engine.kill()
      await Promise.all([said, stopped])
      await engine.start()
      await serves
      assert.deepEqual(await Promise.all(ids.map((id) => shown(first, id))), all(1))
    })

    it(`${name}, back with nothing: nodes refuse to go on, say what to do, and what was saved is adopted`, async (t) => {
      const { cluster, engine, place } = await prepare(t, startEngine)
      const first = await cluster.start({ name: 'first', ...place, args: USUAL_LEASE })
      // Some views pass, so that an engine that counts from one would give epochs below those that are saved.
      const second = await cluster.start({ name: 'second', ...place, args: USUAL_LEASE })
      await second.app.stop()
      await callAll(first, 'Account', 'add')
      const told = [
        first.line(/the engine is not this cluster’s any more.*--adopt-state/),
        first.line(/a node cannot start.*knows nothing of it any more/),
      ]
      await engine.lose()
      await engine.start()
      await Promise.all(told)
      const status = await epic('status', '--data', first.data)
      assert.equal(status.code, 1)
      assert.match(status.stdout, /the engine cannot be used: .*knows nothing of it any more/)
      await killMachine(first)

      const refused = await cluster.fail({ name: 'first', ...place })
      assert.equal(refused.code, 78)
      assert.match(refused.stderr, /if it is lost for good, start with --adopt-state/)

      const again = await cluster.start({
        name: 'first',
        ...place,
        args: ['--adopt-state', ...USUAL_LEASE],
      })
      assert.deepEqual(await callAll(again, 'Account', 'add'), all(2))
      const other = await cluster.start({ name: 'second', ...place, args: USUAL_LEASE })
      assert.deepEqual(await callAll(other, 'Account', 'add'), all(3))
    })
  }
})
