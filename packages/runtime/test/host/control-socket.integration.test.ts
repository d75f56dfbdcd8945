import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { askControl, ControlClient } from '#src/host/control-client.ts'
import { CONTROL_LINE_BYTES_MAX } from '#src/host/control-lines.ts'
import { listenForControl } from '#src/host/control-socket.ts'
import type { ControlAnswer, ControlRequest } from '#src/host/supervisor-messages.ts'

type Answer = (request: ControlRequest) => Promise<ControlAnswer>

const echo: Answer = (request) => Promise.resolve({ ok: true, value: request })
const question = (id: string): ControlRequest => ({ ask: 'inspect', type: 'Player', id })

async function listen(
  t: TestContext,
  answer: Answer,
): Promise<{ path: string; close: () => void }> {
  const folder = await mkdtemp(join(tmpdir(), 'epic-control-'))
  const path = join(folder, 'control.sock')
  const server = await listenForControl(path, answer)
  const close = (): void => server.close()
  t.after(async () => {
    close()
    await rm(folder, { recursive: true })
  })
  return { path, close }
}

test('control socket: only its owner can open it (checklist 32)', async (t) => {
  const { path } = await listen(t, echo)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('control socket: answers find their questions in whatever order they come', async (t) => {
  const held: (() => void)[] = []
  const { path } = await listen(t, async (request) => {
    await new Promise<void>((resolve) => held.push(resolve))
    return await echo(request)
  })
  const client = await ControlClient.connect(path)
  const answers = [client.ask(question('a')), client.ask(question('b')), client.ask(question('c'))]
  while (held.length < 3) await new Promise((resolve) => setImmediate(resolve))
  for (const release of held.toReversed()) release()
  assert.deepEqual(
    (await Promise.all(answers)).map((answer) => answer.ok && (answer.value as { id: string }).id),
    ['a', 'b', 'c'],
  )
  client.close()
})

test('control socket: a question of many chunks, with characters of many bytes, arrives whole', async (t) => {
  const { path } = await listen(t, echo)
  const id = 'käse🧀'.repeat(300_000)
  assert.deepEqual(await askControl(path, question(id)), { ok: true, value: question(id) })
})

test('control socket: a question over the limit is refused before it leaves', async (t) => {
  const { path } = await listen(t, echo)
  await assert.rejects(
    askControl(path, question('x'.repeat(CONTROL_LINE_BYTES_MAX))),
    (error) => isEpicError(error) && error.code === 'MessageTooLarge',
  )
})

test('control socket: an answer over the limit says so', async (t) => {
  const { path } = await listen(t, () =>
    Promise.resolve({ ok: true, value: 'x'.repeat(CONTROL_LINE_BYTES_MAX) }),
  )
  const answer = await askControl(path, question('a'))
  assert.equal(answer.ok ? undefined : answer.error.code, 'MessageTooLarge')
})

test('control socket: a mistake of the answering side is told to the asking one', async (t) => {
  const { path } = await listen(t, () => Promise.reject(new TypeError('oh')))
  assert.deepEqual(await askControl(path, question('a')), {
    ok: false,
    error: { name: 'TypeError', message: 'oh' },
  })
})

for (const line of ['no json', '[]', '{"request":{}}', 'null']) {
  test(`control socket: hangs up on ${line}, and serves others on`, async (t) => {
    const { path } = await listen(t, echo)
    const socket = createConnection(path)
    socket.resume().end(`${line}\n`)
    await once(socket, 'close')
    assert.equal((await askControl(path, question('a'))).ok, true)
  })
}

test('control socket: hangs up on a line without end', async (t) => {
  const { path } = await listen(t, echo)
  const socket = createConnection(path)
  socket.on('error', () => socket.destroy()) // the other side hangs up while this one writes
  socket.resume().write('x'.repeat(CONTROL_LINE_BYTES_MAX + 1))
  await once(socket, 'close')
})

test('control client: nobody listens', async () => {
  await assert.rejects(
    askControl(join(tmpdir(), 'epic-nobody.sock'), question('a')),
    (error) => isEpicError(error) && error.code === 'Unavailable',
  )
})

test('control client: the app ends before it answers', async (t) => {
  const { path, close } = await listen(t, () => new Promise(() => undefined))
  const client = await ControlClient.connect(path)
  const answer = client.ask(question('a'))
  close()
  await assert.rejects(answer, (error) => isEpicError(error) && error.code === 'Unknown')
  await client.ended
  await assert.rejects(
    client.ask(question('b')),
    (error) => isEpicError(error) && error.code === 'Unavailable',
  )
})
