import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { AppUnderTest, epic, temporaryFolder, writeApp } from './cli-rig.ts'

const run = promisify(execFile)

const players = `
export class Player extends Entity {
  name = ''
  async rename(name: string): Promise<void> { this.name = name }
  async read(): Promise<string> { return this.name }
}
export default defineApp({ entities: { Player } })`

const noMount =
  process.getuid?.() === 0 && process.platform === 'linux' ? false : 'only root mounts'

/** Flips one bit wherever the marker stands in a file of the data folder, as a failing disk does. */
async function damage(data: string, marker: string): Promise<void> {
  const files = await readdir(data, { recursive: true })
  for (const name of files.filter((file) => file.endsWith('data.mdb'))) {
    const file = await readFile(join(data, name))
    for (let at = file.indexOf(marker); at >= 0; at = file.indexOf(marker, at + 1)) {
      file[at] = file[at]! ^ 1
    }
    await writeFile(join(data, name), file)
  }
}

/** A disk in memory, for the time of the test. */
async function mountDisk(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'epic-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=700', 'tmpfs', folder])
  t.after(async () => {
    await run('umount', ['--lazy', folder])
    await rmdir(folder)
  })
  return folder
}

test('epic run: a corrupt record is an error that names its entity, and troubles no other', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, players)
  const options = { data: join(folder, 'data'), processes: 1 }
  const before = await AppUnderTest.start(t, app, options)
  await before.call('Player/bob', 'rename', 'MARK-BOB')
  await before.call('Player/eve', 'rename', 'Eve')
  await before.app.stop()
  await damage(options.data, 'MARK-BOB')

  const tested = await AppUnderTest.start(t, app, options)
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await assert.rejects(tested.call('Player/bob', 'rename', 'Robert'), {
      code: 'CorruptRecord',
      message: /"Player\/bob"/,
    })
    assert.equal(await tested.call('Player/eve', 'read'), 'Eve')
  }
  const [node] = await tested.app.nodes()
  assert.equal(node?.restarts, 0)
})

test(
  'epic run: a data folder on a read-only disk is refused by name, with nothing lost',
  { skip: noMount },
  async (t) => {
    const app = await writeApp(await temporaryFolder(t), players)
    const folder = await mountDisk(t)
    const data = join(folder, 'data')
    const before = await AppUnderTest.start(t, app, { data, processes: 1 })
    await before.call('Player/bob', 'rename', 'Bob')
    await before.app.stop()
    await run('mount', ['-o', 'remount,ro', folder])

    const { code, stderr } = await epic('run', app, '--data', data, '--processes', '1', '--json')
    assert.notEqual(code, 0)
    assert.match(stderr, /"code":"StoreReadOnly"/)
    assert.ok(stderr.includes(`Cannot open ${data}`), stderr)

    await run('mount', ['-o', 'remount,rw', folder])
    const after = await AppUnderTest.start(t, app, { data, processes: 1 })
    assert.equal(await after.call('Player/bob', 'read'), 'Bob')
  },
)
