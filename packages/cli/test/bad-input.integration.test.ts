/** What a running app is not broken by: messages that are too large or cannot cross, floods, damaged records, a disk that cannot be written to. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { AppUnderTest, epic, temporaryFolder, writeApp } from './cli-rig.ts'

const run = promisify(execFile)
const MB = 1024 * 1024
/** Calls of a kilobyte each, and what may be left of them: their garbage, but not half of what came. */
const FLOOD_CALLS = 200_000
const FLOOD_BYTES_MAX = 100 * MB

const boxes = `
const outcome = (error) => ({ code: error.code, retry: error.retry, message: error.message })
export class Box extends Entity {
  static override settings = settings<Box>({ mailboxMax: 100 })
  label = ''
  puts = 0
  async write(label: string): Promise<string> { this.label = label; return this.label }
  async put(what: unknown): Promise<number> { this.puts += 1; return this.puts }
  async give(bytes: number): Promise<Uint8Array> { return new Uint8Array(bytes) }
  async pid(): Promise<number> { return process.pid }
  async rss(): Promise<number> { return process.memoryUsage.rss() }
  async wait(filling: Uint8Array): Promise<void> { await new Promise(() => {}) }
  async putThere(id: string, bytes: number): Promise<unknown> {
    return await this.ref(Box, id).put(new Uint8Array(bytes)).catch(outcome)
  }
  async putFunctionThere(id: string): Promise<unknown> {
    return await this.ref(Box, id).put({ deep: [1, { onUse: () => 1 }] }).catch(outcome)
  }
  async takeFromThere(id: string, bytes: number): Promise<unknown> {
    return await this.ref(Box, id).give(bytes).catch(outcome)
  }
  async floodThere(id: string, count: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = { waiting: count }
    const there = this.ref(Box, id)
    for (let sent = 0; sent < count; sent += 1) {
      there.wait(new Uint8Array(1024)).catch((error) => {
        counts[error.code + ' ' + error.retry] = (counts[error.code + ' ' + error.retry] ?? 0) + 1
        counts['waiting'] -= 1
      })
      if (sent % 1000 === 0) await this.sleep(1)
    }
    while (counts['waiting']! > 100) await this.sleep(10)
    return counts
  }
}
export default defineApp({ entities: { Box } })`

/** An app of two processes, and the names of two boxes that live in different ones. */
async function twoBoxes(
  tested: AppUnderTest,
): Promise<{ readonly here: string; readonly there: string }> {
  await tested.allServe(2)
  const here = 'b0'
  const home = await tested.call(`Box/${here}`, 'pid')
  for (let i = 1; ; i += 1) {
    const there = `b${i}`
    if ((await tested.call(`Box/${there}`, 'pid')) !== home) return { here, there }
  }
}

test('a message of 100 MB to another process: MessageTooLarge with both sizes, and the next one arrives', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, boxes)
  const tested = await AppUnderTest.start(t, app, { data: join(folder, 'data'), processes: 2 })
  const { here, there } = await twoBoxes(tested)
  const sent = (await tested.call(`Box/${here}`, 'putThere', there, 100 * MB)) as {
    code: string
    retry: string
    message: string
  }
  assert.equal(sent.code, 'MessageTooLarge')
  assert.equal(sent.retry, 'never')
  assert.match(sent.message, /^Cannot call Box\.put: .*16777216/)
  const taken = (await tested.call(`Box/${here}`, 'takeFromThere', there, 100 * MB)) as {
    code: string
  }
  assert.equal(taken.code, 'MessageTooLarge', 'an answer is a message, too')
  assert.equal(await tested.call(`Box/${here}`, 'putThere', there, 1), 1, 'only this one came')
  assert.deepEqual(
    (await tested.app.nodes()).map(({ restarts }) => restarts),
    [0, 0],
  )
})

test('arguments that cannot cross, in production: CannotCross names the path, and nothing was called', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, boxes)
  const tested = await AppUnderTest.start(t, app, {
    data: join(folder, 'data'),
    processes: 2,
    args: ['--production'],
  })
  const { here, there } = await twoBoxes(tested)
  const { code, message } = (await tested.call(`Box/${here}`, 'putFunctionThere', there)) as {
    code: string
    message: string
  }
  assert.equal(code, 'CannotCross')
  assert.match(message, /\.deep\[1\]\.onUse is a function/)
  assert.equal(await tested.call(`Box/${there}`, 'put', 1), 1)
})

test('a flood of one entity: Overloaded beyond its mailbox, certainly not done, with memory bounded (checklist 37)', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, boxes)
  const tested = await AppUnderTest.start(t, app, { data: join(folder, 'data'), processes: 2 })
  const { here, there } = await twoBoxes(tested)
  const neighbour = await neighbourOf(tested, there)
  const before = (await tested.call(`Box/${neighbour}`, 'rss')) as number
  const counts = await tested.call(`Box/${here}`, 'floodThere', there, FLOOD_CALLS)
  const grownBytes = ((await tested.call(`Box/${neighbour}`, 'rss')) as number) - before
  assert.deepEqual(counts, { waiting: 100, 'Overloaded safe': FLOOD_CALLS - 100 })
  assert.ok(grownBytes < FLOOD_BYTES_MAX, `it grew by ${grownBytes} bytes`)
  const restarts = (await tested.app.nodes()).map((node) => node.restarts)
  assert.deepEqual(restarts, [0, 0])
})

/** Another box in the same process. */
async function neighbourOf(tested: AppUnderTest, id: string): Promise<string> {
  const home = await tested.call(`Box/${id}`, 'pid')
  for (let i = 0; ; i += 1) {
    const other = `neighbour-${i}`
    if ((await tested.call(`Box/${other}`, 'pid')) === home) return other
  }
}

test('a record that was damaged while nothing ran: CorruptRecord names its entity, and the others answer', async (t) => {
  const folder = await temporaryFolder(t)
  const data = join(folder, 'data')
  const app = await writeApp(folder, boxes)
  const first = await AppUnderTest.start(t, app, { data, processes: 1 })
  const ids = Array.from({ length: 10 }, (_, i) => `b${i}`)
  for (const id of ids) await first.call(`Box/${id}`, 'write', `label of ${id}.`)
  await first.app.stop()
  assert.ok((await damage(data, 'label of b7.')) > 0)
  const second = await AppUnderTest.start(t, app, { data, processes: 1 })
  const logged = second.line(/a saved record is damaged and was set aside/)
  await assert.rejects(second.call('Box/b7', 'put', 1), {
    code: 'CorruptRecord',
    message: /Box\/b7/,
  })
  assert.match(await logged, /Box\/b7/)
  for (const id of ids.filter((each) => each !== 'b7'))
    assert.equal(await second.call(`Box/${id}`, 'put', 1), 1)
})

/** Changes one byte wherever a text stands in the data; returns at how many places. */
async function damage(data: string, text: string): Promise<number> {
  let places = 0
  for (const name of (await readdir(data)).filter((each) => each.startsWith('shard-'))) {
    const file = join(data, name, 'data.mdb')
    const bytes = await readFile(file)
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
      bytes[at] = (bytes[at] ?? 0) ^ 1
      places += 1
    }
    await writeFile(file, bytes)
  }
  return places
}

test(
  'epic run over data that cannot be written to: says so, and leaves it as it is',
  { skip: process.getuid?.() !== 0 && 'only root may mount a file system' },
  async (t) => {
    const disk = await mkdtemp(join(tmpdir(), 'epic-disk-'))
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', disk])
    t.after(async () => {
      await run('umount', ['--lazy', disk])
      await rmdir(disk)
    })
    const folder = await temporaryFolder(t)
    const data = join(disk, 'data')
    await mkdir(data, { mode: 0o700 })
    const app = await writeApp(folder, boxes)
    const before = await AppUnderTest.start(t, app, { data, processes: 1 })
    await before.call('Box/a', 'put', 1)
    await before.app.stop()
    await run('mount', ['-o', 'remount,ro', disk])
    const ended = await epic('run', app, '--processes', '1', '--json', '--data', data)
    const line = ended.stderr.split('\n').find((each) => each.startsWith('{"error"')) ?? '{}'
    const { error } = JSON.parse(line) as { error?: { code: string; message: string } }
    assert.equal(error?.code, 'StoreReadOnly', ended.stderr)
    assert.ok(error.message.includes(data), error.message)
    await run('mount', ['-o', 'remount,rw', disk])
    const after = await AppUnderTest.start(t, app, { data, processes: 1 })
    assert.equal(await after.call('Box/a', 'put', 1), 2)
  },
)
