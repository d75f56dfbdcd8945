import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { epic, MAIN } from './cli-rig.ts'

const COMMANDS = [
  ...['run', 'key', 'new', 'call', 'ps', 'inspect'],
  ...['move', 'drain', 'plan', 'replace', 'status', 'top', 'db'],
] as const

test('epic --help: names all commands', async () => {
  const { code, stdout } = await epic('--help')
  assert.equal(code, 0)
  for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command} `, 'm'))
})

test('epic --version: is the version of the package', async () => {
  const manifest = JSON.parse(
    await readFile(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { version: string }
  assert.deepEqual(await epic('--version'), {
    code: 0,
    stdout: `${manifest.version}\n`,
    stderr: '',
  })
})

for (const command of COMMANDS) {
  test(`epic ${command} --help: says what it is for`, async () => {
    const { code, stdout } = await epic(command, '--help')
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`^Usage: epic ${command} \\[options\\]`))
  })
}

const wrong: readonly { readonly args: readonly string[]; readonly says: RegExp }[] = [
  { args: ['rnu', 'app.ts'], says: /unknown command 'rnu'\n\(Did you mean run\?\)/ },
  { args: ['run'], says: /missing required argument 'app'/ },
  {
    args: ['run', 'app.ts', '--proceses', '2'],
    says: /unknown option '--proceses'\n\(Did you mean --processes\?\)/,
  },
  {
    args: ['run', 'app.ts', '-p', '0'],
    says: /argument '0' is invalid. It must be a whole number above 0\./,
  },
  { args: ['run', 'app.ts', '-p', 'two'], says: /argument 'two' is invalid/ },
  {
    args: ['run', 'app.ts', '--log-level', 'loud'],
    says: /It must be debug, info, warn or error\./,
  },
  { args: ['run', 'app.ts', 'another.ts'], says: /too many arguments/ },
  { args: ['call', 'Player/bob'], says: /missing required argument 'operation'/ },
  { args: ['call', 'bob', 'getScore'], says: /Cannot read "bob" as an entity/ },
  {
    args: ['call', 'Player/bob', 'move', '{1}'],
    says: /'\{1\}' is invalid for argument 'arguments'\. Write a JSON list/,
  },
  {
    args: ['call', 'Player/bob', 'move', '{"x":1}'],
    says: /Write a JSON list, as in '\["sword", 3\]'/,
  },
  { args: ['ps', '--limit', '-1'], says: /whole number above 0/ },
  { args: [], says: /^Usage: epic/ },
]

for (const { args, says } of wrong) {
  test(`epic ${args.join(' ')}: is a wrong command line`, async () => {
    const { code, stdout, stderr } = await epic(...args)
    assert.match(stderr, says)
    assert.equal(stdout, '')
    assert.equal(code, 2)
  })
}

test('epic: who reads no further than it wants to is no error', async () => {
  const child = spawn(process.execPath, [MAIN, '--version'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.deepEqual([code, stderr], [0, ''])
})
