import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { AppUnderTest, epic, MAIN, temporaryFolder, writeApp } from './cli-rig.ts'

const players = `
export class Player extends Entity {
  score = 0
  friends: Ref<Player>[] = []
  big = 2n ** 64n
  async add(points: number): Promise<number> { this.score += points; return this.score }
  async befriend(id: string): Promise<Ref<Player>> { const friend = this.ref(Player, id); this.friends.push(friend); return friend }
  async fall(): Promise<void> { throw new RangeError('fell') }
  async pidOf(): Promise<number> { return process.pid }
  async ring(): Promise<unknown> { const ring: unknown[] = []; ring.push(ring); return ring }
}
export default defineApp({ entities: { Player } })`

test('epic run: calls, ps and inspect from another terminal', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const tested = await AppUnderTest.start(t, await writeApp(folder, players), {
    data,
    processes: 2,
  })
  await tested.allServe(2)

  const plain = await epic('call', 'Player/bob', 'add', '[3]', '--data', data)
  assert.deepEqual(plain, { code: 0, stdout: '3\n', stderr: '' })
  const json = await epic('call', 'Player/bob', 'add', '[4]', '--data', data, '--json')
  assert.deepEqual(JSON.parse(json.stdout), { result: 7 })
  const ref = await epic('call', 'Player/bob', 'befriend', '["eve"]', '--data', data)
  assert.equal(ref.stdout, '"Player/eve"\n', 'a result that is a ref is printed as its name')
  const ring = await epic('call', 'Player/bob', 'ring', '--data', data)
  assert.equal(ring.stdout.replaceAll(/\s/g, ''), '["[circular]"]')

  const ps = await epic('ps', '--data', data)
  assert.match(
    ps.stdout,
    /^slot  pid +node +state +restarts  entities\n( +\d  +\d+ .*serving.*\n){2}\n/,
  )
  assert.match(ps.stdout, /^Player\/bob +\d +active/m)
  const psJson = JSON.parse((await epic('ps', '--data', data, '--json')).stdout) as {
    nodes: { state: string; entities: { entity: string }[] }[]
  }
  assert.deepEqual(
    psJson.nodes.map(({ state }) => state),
    ['serving', 'serving'],
  )
  assert.deepEqual(
    psJson.nodes.flatMap(({ entities }) => entities.map(({ entity }) => entity)),
    ['Player/bob'],
  )

  const inspect = await epic('inspect', 'Player/bob', '--data', data)
  assert.match(inspect.stdout, /^Player\/bob  active  epoch \d+  version \d+/)
  const view = JSON.parse(
    (await epic('inspect', 'Player/bob', '--data', data, '--json')).stdout,
  ) as { isActive: boolean; fields: unknown }
  assert.equal(view.isActive, true)
  assert.deepEqual(view.fields, { score: 7, friends: ['Player/eve'], big: '18446744073709551616n' })
})

test('epic call: what cannot be called is said, with what was meant', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  await AppUnderTest.start(t, await writeApp(folder, players), { data, processes: 1 })
  const said = async (...args: readonly string[]): Promise<[number | null, string]> => {
    const { code, stderr } = await epic(...args, '--data', data)
    return [code, stderr.split('\n')[0] as string]
  }
  assert.deepEqual(await said('call', 'Playr/bob', 'add'), [
    1,
    'epic: Cannot find entity type "Playr": the app has Player; did you mean Player?',
  ])
  assert.deepEqual(await said('call', 'Player/bob', 'ad'), [
    1,
    'epic: Cannot call Player.ad: there is no such operation; did you mean add?',
  ])
  assert.deepEqual(await said('call', 'Player/bob', 'constructor'), [
    1,
    'epic: Cannot call Player.constructor: there is no such operation',
  ])
  assert.deepEqual(await said('call', 'Player/bob', '__proto__'), [
    1,
    'epic: Cannot call Player.__proto__: there is no such operation',
  ])
  assert.deepEqual(await said('call', 'Player/bob', 'fall'), [1, 'epic: RangeError: fell'])
  assert.deepEqual(await said('inspect', 'Player/nobody'), [
    1,
    'epic: Cannot find "Player/nobody": no node has it in memory, and nothing of it is saved',
  ])
  assert.deepEqual(await said('inspect', 'Playr/bob'), [
    1,
    'epic: Cannot find entity type "Playr": the app has Player; did you mean Player?',
  ])
})

test('development: a mistake in an operation is logged once with its line, wherever its caller lives', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(
    folder,
    `export class Player extends Entity {
      async slip(): Promise<number> { return (undefined as unknown as string[]).length }
      async askOther(id: string): Promise<number> { return await this.ref(Player, id).slip() }
    }
    export default defineApp({ entities: { Player } })`,
  )
  const tested = await AppUnderTest.start(t, app, { data: join(folder, 'data'), processes: 2 })
  await tested.allServe(2)
  for (const id of ['a', 'b', 'c', 'd']) {
    const logged = tested.line(/failed by a mistake in the app/)
    await assert.rejects(tested.call('Player/asker', 'askOther', id), { name: 'TypeError' })
    assert.match(await logged, new RegExp(`Player/${id}\\.slip failed.*app\\.ts:3:`))
  }
  const said = tested.lines.filter((line) => line.includes('failed by a mistake'))
  assert.equal(said.length, 4)
})

for (const command of [['ps'], ['call', 'Player/bob', 'add'], ['inspect', 'Player/bob']]) {
  test(`epic ${command[0]}: nothing runs there`, async (t) => {
    const data = await temporaryFolder(t)
    const { code, stderr } = await epic(...command, '--data', data)
    assert.equal(code, 69)
    assert.ok(
      stderr.startsWith(
        `epic: Cannot find a running app with its data in ${data}\n      Start it with \`epic run\`, or`,
      ),
      stderr,
    )
    const json = await epic(...command, '--data', data, '--json')
    assert.equal((JSON.parse(json.stderr) as { error: { code: string } }).error.code, 'Unavailable')
  })
}

test('epic run: the control socket is for its owner only', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  await AppUnderTest.start(t, await writeApp(folder, players), { data, processes: 1 })
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777
  assert.equal(await modeOf(data), 0o700)
  assert.equal(await modeOf(join(data, 'run')), 0o700)
  for (const socket of await readdir(join(data, 'run')))
    assert.equal(await modeOf(join(data, 'run', socket)), 0o600, socket)
})

test('epic run: a second one on the same data folder names the first', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const app = await writeApp(folder, players)
  const first = await AppUnderTest.start(t, app, { data, processes: 1 })
  const second = await epic('run', app, '--data', data)
  assert.equal(second.code, 73)
  assert.match(second.stderr, new RegExp(`^epic: Cannot .*data.*${first.app.pid}`))
  assert.equal(await first.call('Player/bob', 'add', 1), 1, 'the first is not disturbed')
})

const stuck = `export class Stuck extends Entity {
  async wait(): Promise<void> { console.log('began'); await new Promise(() => {}) }
}
export default defineApp({ entities: { Stuck } })`

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`epic run: ${signal} lets what runs finish, saves it, and ends with 0`, async (t) => {
    const folder = await temporaryFolder(t)
    const data = join(folder, 'data')
    const app = await writeApp(
      folder,
      `export class Slow extends Entity {
        static override settings = settings<Slow>({ durability: 'manual' })
        done = 0
        async work(): Promise<number> { console.log('began'); await this.sleep(300); this.done += 1; return this.done }
        async read(): Promise<number> { return this.done }
      }
      export default defineApp({ entities: { Slow } })`,
    )
    const first = await AppUnderTest.start(t, app, { data, processes: 2 })
    const began = first.line(/^began$/)
    const worked = first.call('Slow/a', 'work').catch((error: unknown) => error)
    await began
    const stopped = first.line(/^{"stopped":/)
    first.app.kill(signal)
    await stopped
    assert.deepEqual(await first.app.ended, { code: 0, signal: null })
    await worked
    const second = await AppUnderTest.start(t, app, { data, processes: 1 })
    assert.equal(await second.call('Slow/a', 'read'), 1)
  })
}

test('epic run: a node that is killed while it stops makes it end with 1, and say what may be missing', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, stuck)
  const tested = await AppUnderTest.start(t, app, { data: join(folder, 'data'), processes: 1 })
  const began = tested.line(/^began$/)
  tested.call('Stuck/a', 'wait').catch(() => undefined)
  await began
  const [node] = await tested.app.nodes()
  const stopping = tested.line(/stopping: running operations end/)
  tested.app.kill('SIGTERM')
  await stopping
  process.kill(node!.pid!, 'SIGKILL')
  assert.deepEqual(await tested.app.ended, { code: 1, signal: null })
  assert.match(tested.lines.at(-1)!, /node process 0 ended with SIGKILL before it had.*NodeLost/)
})

test('epic run: a second signal ends it at once', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, stuck)
  const tested = await AppUnderTest.start(t, app, { data: join(folder, 'data'), processes: 1 })
  const began = tested.line(/^began$/)
  tested.call('Stuck/a', 'wait').catch(() => undefined)
  await began
  const stopping = tested.line(/stopping: running operations end/)
  tested.app.kill('SIGINT')
  await stopping
  tested.app.kill('SIGINT')
  assert.deepEqual(await tested.app.ended, { code: null, signal: 'SIGKILL' })
})

test('epic run --exit-after-setup: setup runs once over three processes, all is saved, and it ends with 0', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const app = await writeApp(
    folder,
    `export class Counter extends Entity { count = 0; async add(): Promise<number> { this.count += 1; return this.count } }
    export default defineApp({ entities: { Counter }, async setup(pool) {
      console.log('setup begins')
      const counts = await Promise.all(Array.from({ length: 30 }, (_, i) => pool.Counter[i]!.add()))
      console.log('setup ends', Math.max(...counts))
    } })`,
  )
  for (const round of [1, 2]) {
    const ended = await epic('run', app, '--processes', '3', '--exit-after-setup', '--data', data)
    assert.equal(ended.code, 0, ended.stderr)
    assert.equal(ended.stdout.match(/setup begins/g)?.length, 1)
    assert.match(ended.stdout, new RegExp(`^setup ends ${round}$`, 'm'))
    assert.match(ended.stdout, /Setup has run and everything is saved; stopped\.\n$/)
  }
})

test('epic run --exit-after-setup --json: each line of its own is an object', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, 'export default defineApp({ entities: {} })')
  const ended = await epic(
    'run',
    app,
    '--processes',
    '1',
    '--exit-after-setup',
    '--json',
    '--data',
    join(folder, 'data'),
  )
  const said = ended.stdout
    .trim()
    .split('\n')
    .map((line) => Object.keys(JSON.parse(line) as object)[0])
  assert.deepEqual(said, ['started', 'serving', 'stopped'])
  for (const line of ended.stderr.trim().split('\n'))
    assert.ok('level' in (JSON.parse(line) as object), line)
})

test('epic run: the data lies in .epic of the current folder unless said otherwise', async (t) => {
  const folder = await temporaryFolder(t)
  await writeApp(folder, 'export default defineApp({ entities: {} })')
  const child = spawn(process.execPath, [MAIN, 'run', 'app.ts', '-p', '1', '--exit-after-setup'], {
    cwd: folder,
    stdio: 'ignore',
  })
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.ok((await readdir(join(folder, '.epic'))).length > 0)
})

test('epic run: a data folder whose path is too long for sockets', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'long'.repeat(30), 'data')
  await mkdir(join(data, '..'), { recursive: true })
  const tested = await AppUnderTest.start(t, await writeApp(folder, players), {
    data,
    processes: 2,
  })
  await tested.allServe(2)
  assert.equal((await epic('call', 'Player/bob', 'add', '[1]', '--data', data)).stdout, '1\n')
})

test('epic run: a data folder that is a link is refused', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'real'))
  await symlink(join(folder, 'real'), join(folder, 'link'))
  const ended = await epic('run', await writeApp(folder, players), '--data', join(folder, 'link'))
  assert.equal(ended.code, 73)
  assert.match(ended.stderr, /^epic: Cannot .*link/)
  assert.deepEqual(await readdir(join(folder, 'real')), [], 'nothing was written through it')
})

test('epic run: a data folder of a newer version is refused and left as it is', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const app = await writeApp(folder, 'export default defineApp({ entities: {} })')
  assert.equal((await epic('run', app, '-p', '1', '--exit-after-setup', '--data', data)).code, 0)
  const manifests = (await readdir(data)).filter((name) => name.endsWith('.json'))
  const path = join(data, manifests[0] as string)
  const newer = JSON.stringify({
    ...(JSON.parse(await readFile(path, 'utf8')) as object),
    format: 999,
  })
  await writeFile(path, newer)
  const ended = await epic('run', app, '-p', '1', '--exit-after-setup', '--data', data)
  assert.equal(ended.code, 73)
  assert.match(ended.stderr, /999/)
  assert.equal(await readFile(path, 'utf8'), newer)
})
