/** What `epic new` makes, used as its README says, with the packages of this checkout in the place of installed ones. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const epic = join(root, 'packages/epicserver/bin/epic.js')

/** Inside the checkout, where programs find its packages. */
async function temporaryFolder(context: TestContext): Promise<string> {
  await mkdir(join(root, 'temp'), { recursive: true })
  const folder = await mkdtemp(join(root, 'temp/new-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Runs a program to its end, with the tools of the checkout on its path, and returns what it printed. */
function succeed(folder: string, program: string, ...args: string[]): string {
  const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: path, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined },
  })
  assert.equal(status, 0, `${program} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

test('epic new: the project compiles, its tests pass, and it runs', async (context) => {
  const folder = await temporaryFolder(context)
  assert.match(succeed(folder, process.execPath, epic, 'new', 'hello'), /npm install\n\s+npm start/)
  const hello = join(folder, 'hello')
  const { scripts, dependencies } = JSON.parse(
    await readFile(join(hello, 'package.json'), 'utf8'),
  ) as Readonly<Record<'scripts' | 'dependencies', Readonly<Record<string, string>>>>
  assert.equal(dependencies['epicserver'], 'file:../../../packages/epicserver')
  assert.match(succeed(hello, 'sh', '-c', scripts['test']!), /pass 1\n/)
  const started = scripts['start']!.replace(/^epic /, '').split(' ')
  const printed = succeed(hello, process.execPath, epic, ...started, '--exit-after-setup')
  assert.match(printed, /^The demo counter stands at 1$/m)
  assert.match(printed, /everything is saved; stopped\.\n$/)
})
