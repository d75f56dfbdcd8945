/** Passwords and keys stand in no output of the command, whatever goes wrong (checklist 31). */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AppUnderTest, epic, epicIn, temporaryFolder, writeApp } from './cli-rig.ts'
import {
  freeListen,
  missingEtcd,
  missingPostgres,
  startEtcdEngine,
  startPostgresEngine,
} from './cluster-rig.ts'

const app = `
export class Account extends Entity {
  balance = 0
  async add(by: number): Promise<number> { this.balance += by; return this.balance }
}
export default defineApp({ entities: { Account } })`

const KEY = 'a-cluster-key-that-nobody-may-read'
const SECRETS = /Geheimnis|Rest|nobody-may-read/

type Environment = Readonly<Record<string, string>>

/** Of a service that cannot be reached, or settings that cannot be: the app was not refused for anything else. */
const EXIT_CODES = [69, 78]

/** What is said to people, and in each detail to machines. */
const MANNERS = [[], ['--json', '--log-level', 'debug']] as const

/** Runs the app so that it fails, and checks what it says: with each turn in the next manner. */
async function failQuietly(t: TestContext, environment: Environment, turn: number): Promise<void> {
  const folder = await temporaryFolder(t)
  const args = ['--processes', '1', '--wait', '0', '--announce', 'off', '--listen', '[::1]:0']
  const ended = await epicIn(
    { ...environment, EPIC_CLUSTER_KEY: KEY },
    ...['run', await writeApp(folder, app), '--data', join(folder, 'data')],
    ...[...args, ...(MANNERS[turn % MANNERS.length] ?? [])],
  )
  const said = `${ended.stdout}${ended.stderr}`
  const what = `${JSON.stringify(environment)}\n${said}`
  assert.ok(EXIT_CODES.includes(ended.code ?? 0), what)
  assert.match(said, /Cannot (reach|use|read|save) /, what)
  assert.doesNotMatch(said, SECRETS, what)
}

test('secrets: an engine that cannot be used is named without its password', async (t) => {
  // With passwords as people write them: escaped as it should be, and not.
  const addresses = [
    'postgres://epic:Geheimnis%40Rest@127.0.0.1:1/epic',
    'postgres://epic:Geheimnis@Rest@127.0.0.1:1/epic',
    'postgres://epic:Geheimnis@127.0.0.1:port/epic',
    'etcd://root:Geheimnis@127.0.0.1:1',
    'etcd://root:Geheimnis/Rest@127.0.0.1:1',
    'etcd://root:Geheimnis?Rest@127.0.0.1:1',
    'mysql://epic:Geheimnis@127.0.0.1/epic',
  ]
  // All at once: they mostly wait.
  const environments = addresses.map((address) => ({ EPIC_CLUSTER: address, EPIC_STATE: 'none' }))
  await Promise.all(environments.map((each, turn) => failQuietly(t, each, turn)))
})

test(
  'secrets: a state store that cannot be used is named without its password',
  { skip: missingEtcd },
  async (t) => {
    const { address: engine } = await startEtcdEngine(t)
    const addresses = [
      'postgres://epic:Geheimnis@Rest@127.0.0.1:1/epic',
      'postgres://epic:Geheimnis/Rest@127.0.0.1:1/epic',
      'mysql://epic:Geheimnis@127.0.0.1/epic',
    ]
    for (const [turn, address] of addresses.entries())
      await failQuietly(t, { EPIC_CLUSTER: engine, EPIC_STATE: address }, turn)
  },
)

test('secrets: an argument that is refused for its password is not said back', async (t) => {
  const folder = await temporaryFolder(t)
  const file = await writeApp(folder, app)
  for (const option of ['--cluster', '--state']) {
    const { code, stdout, stderr } = await epic(
      ...['run', file, option, 'postgres://epic:Geheimnis/Rest@127.0.0.1/epic'],
    )
    assert.equal(code, 2)
    assert.match(stderr, /can be read by every user of this machine/)
    assert.doesNotMatch(`${stdout}${stderr}`, SECRETS)
  }
})

test('secrets: a file of options that is no JSON is not shown', async (t) => {
  const folder = await temporaryFolder(t)
  const config = join(folder, 'epic.json')
  for (const text of ['{ "state": Geheimnis }', '{ "state": "postgres://u:Geheimnis"Rest@h/d" }']) {
    await writeFile(config, text, { mode: 0o600 })
    const { code, stdout, stderr } = await epic('run', 'app.ts', '--config', config)
    assert.equal(code, 78)
    assert.match(stderr, /Cannot read ".*epic\.json"/)
    assert.doesNotMatch(`${stdout}${stderr}`, SECRETS)
  }
})

test(
  'secrets: what a running app says, and what commands say of it, has none; also when its database dies',
  { skip: missingPostgres },
  async (t) => {
    const engine = await startPostgresEngine(t)
    // Whoever trusts its clients asks for no password, and takes any.
    const address = engine.address.replace('@', ':Geheimnis@')
    assert.match(address, SECRETS)
    const folder = await temporaryFolder(t)
    const data = join(folder, 'data')
    const environment = { EPIC_CLUSTER: address, EPIC_STATE: address, EPIC_CLUSTER_KEY: KEY }
    const running = await AppUnderTest.start(t, await writeApp(folder, app), {
      command: ['env', ...Object.entries(environment).map((pair) => pair.join('='))],
      data,
      args: ['--listen', await freeListen(), '--log-level', 'debug'],
    })
    await running.allServe(1)
    assert.equal(await running.call('Account/a', 'add', 1), 1)
    let said = ''
    const ask = async (...commands: readonly string[]): Promise<void> => {
      const asked = commands.flatMap((command) => [
        command.split(' '),
        [...command.split(' '), '--json'],
      ])
      const answers = await Promise.all(asked.map((args) => epic(...args, '--data', data)))
      said += answers.map(({ stdout, stderr }) => stdout + stderr).join('')
    }
    await ask('status', 'db', 'inspect Account/a')
    const noticed = running.line(/engine/)
    await engine.kill()
    await noticed
    await ask('status')
    assert.match(said, /127\.0\.0\.1/, 'the address itself is told')
    assert.doesNotMatch(said, SECRETS)
    assert.doesNotMatch(running.lines.join('\n'), SECRETS)
  },
)
