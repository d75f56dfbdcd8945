import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { epic, temporaryFolder, writeApp } from './cli-rig.ts'

interface Mistake {
  readonly name: string
  readonly source: string
  readonly code: number
  /** What the message must say. */
  readonly says: readonly (string | RegExp)[]
}

const mistakes: readonly Mistake[] = [
  {
    name: 'a syntax error is shown with its line and column',
    source: 'export class Player extends Entity { score = ; }',
    code: 78,
    says: [/app\.ts:2:46: Unexpected ";"/, 'score = ;'],
  },
  {
    name: 'an import that leads nowhere is shown with its line',
    source: `import { x } from './nowhere'\nexport default defineApp({ entities: { x } })`,
    code: 78,
    says: [/app\.ts:2:19: Could not resolve "\.\/nowhere"/],
  },
  {
    name: 'a package that is not installed is named',
    source: `import x from 'no-such-package'\nexport default defineApp({ entities: { x } })`,
    code: 78,
    says: ["Cannot find package 'no-such-package'"],
  },
  {
    name: 'what it throws while it is imported is shown with the lines of the TypeScript',
    source: `interface Settings { readonly port: number }\n\nfunction read(): Settings { throw new RangeError('no port') }\nexport const port = read().port\nexport default defineApp({ entities: {} })`,
    code: 78,
    says: ['RangeError: no port', /at read \(.*app\.ts:4:35\)/, /app\.ts:5:21/],
  },
  {
    name: 'no default export',
    source: 'export class Player extends Entity {}',
    code: 78,
    says: ['it has no default export. Write: export default defineApp({'],
  },
  {
    name: 'a default export that is no app',
    source: 'export default { entities: {} }',
    code: 78,
    says: ['not what defineApp returns'],
  },
  {
    name: 'an app without entities',
    source: 'export default defineApp({} as never)',
    code: 78,
    says: ['its app names no entities. Write: defineApp({ entities:'],
  },
  {
    name: 'entities in a list',
    source:
      'export class Player extends Entity {}\nexport default defineApp({ entities: [Player] as never })',
    code: 78,
    says: ['its app names no entities. Write: defineApp({ entities: { Player, Barrel }'],
  },
  {
    name: 'a misspelt part of the app, with its line',
    source: 'export default defineApp({ entities: {}, setUp: () => {} } as never)',
    code: 78,
    says: [/AppInvalid: .*did you mean setup\?/, /app\.ts:2:16/, 'An app has entities, setup'],
  },
  {
    name: 'a misspelt setting comes with the nearest one',
    source: `export class Player extends Entity { static override settings = settings<Player>({ persistant: true } as object) }\nexport default defineApp({ entities: { Player } })`,
    code: 78,
    says: ['Player.settings.persistant is not a setting; did you mean persistent?'],
  },
  {
    name: 'settings that were not made with settings()',
    source: `export class Player extends Entity { static override settings = { persistent: true } as never }\nexport default defineApp({ entities: { Player } })`,
    code: 78,
    says: ['write static override settings = settings<Player>('],
  },
  {
    name: 'a class that is undefined',
    source: 'export default defineApp({ entities: { Player: undefined as never } })',
    code: 78,
    says: ['"Player" as an entity type: it is undefined'],
  },
  {
    name: 'a class that is no entity',
    source: 'class Player {}\nexport default defineApp({ entities: { Player } as never })',
    code: 78,
    says: ['"Player"', 'does not extend Entity'],
  },
  {
    name: 'setup that throws is shown with its line',
    source: `export default defineApp({ entities: {}, setup: () => {\n  throw new TypeError('no world') } })`,
    code: 78,
    says: ["The app's setup failed with TypeError: no world", /app\.ts:3:9/],
  },
  {
    name: 'setup that awaits an operation which throws',
    source: `export class Player extends Entity { async fall(): Promise<void> { throw new Error('fell') } }\nexport default defineApp({ entities: { Player }, setup: (pool) => pool.Player['bob']!.fall() })`,
    code: 78,
    says: ["The app's setup failed with Error: fell"],
  },
  {
    name: 'setup that fails with an error of Epic Server says what to do about that one',
    source: `export class Player extends Entity { cb = () => 1; async wake(): Promise<void> {} }\nexport default defineApp({ entities: { Player }, setup: (pool) => pool.Player['bob']!.wake() })`,
    code: 78,
    says: [
      'failed with CannotSave: Cannot save "Player/bob": cb is a function',
      'Make the field `#private`',
    ],
  },
  {
    name: 'setupNode that throws is shown with its line',
    source: `export default defineApp({ entities: {}, setupNode: () => {\n  throw new TypeError('no database') } })`,
    code: 78,
    says: ["the app's setupNode failed with TypeError: no database", /app\.ts:3:9/],
  },
]

for (const { name, source, code, says } of mistakes) {
  test(`epic run, a mistake in the app: ${name}`, async (t) => {
    const folder = await temporaryFolder(t)
    const app = await writeApp(folder, source)
    const ended = await epic('run', app, '--processes', '2', '--data', join(folder, 'data'))
    for (const each of says) {
      if (typeof each === 'string') assert.ok(ended.stderr.includes(each), ended.stderr)
      else assert.match(ended.stderr, each)
    }
    assert.equal(
      ended.stderr.match(/^epic: /gm)?.length,
      1,
      `the error is said once:\n${ended.stderr}`,
    )
    assert.equal(ended.code, code)
  })
}

test('epic run: a file that is not there', async (t) => {
  const folder = await temporaryFolder(t)
  const ended = await epic('run', join(folder, 'app.ts'), '--data', join(folder, 'data'))
  assert.equal(ended.code, 66)
  assert.match(ended.stderr, /^epic: Cannot find the app ".*app\.ts": there is no such file/)
  assert.deepEqual(await readdir(folder), [], 'nothing was made')
})

test('epic run: a folder instead of a file', async (t) => {
  const folder = await temporaryFolder(t)
  const ended = await epic('run', folder, '--data', join(folder, 'data'))
  assert.match(ended.stderr, /it is no file$/m)
  assert.equal(ended.code, 66)
})

const places: readonly (readonly [what: string, place: (folder: string) => string])[] = [
  ['below a file', (folder) => join(folder, 'app.ts', 'data')],
  ['a file', (folder) => join(folder, 'app.ts')],
  ...(process.platform === 'linux'
    ? [['where the file system takes no new folder', () => '/proc/epic/data'] as const]
    : []),
]
for (const [what, place] of places) {
  test(`epic run: a data folder that can be none: ${what}`, async (t) => {
    const folder = await temporaryFolder(t)
    const app = await writeApp(folder, 'export default defineApp({ entities: {} })')
    const ended = await epic('run', app, '--data', place(folder))
    assert.match(ended.stderr, /^epic: Cannot use the data folder .*\n {6}\S.*\n$/)
    assert.equal(ended.code, 73)
  })
}

test('epic new: a folder that can be none is an error that names it', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'file'), '')
  const ended = await epic('new', join(folder, 'file', 'world'))
  assert.match(ended.stderr, /^epic: Cannot make a project in .*world: ENOTDIR/)
  assert.equal(ended.code, 1)
})

test('epic run: a lease that is too short', async (t) => {
  const folder = await temporaryFolder(t)
  const app = await writeApp(folder, 'export default defineApp({ entities: {} })')
  const ended = await epic('run', app, '--lease-ms', '5', '--data', join(folder, 'data'))
  assert.equal(ended.code, 78)
  assert.match(
    ended.stderr,
    /^epic: Cannot run the app: a lease of 5 ms is shorter than the 200 ms that the cluster store can grant$/m,
  )
})

test('epic run --json: an error is one object on the error stream', async (t) => {
  const folder = await temporaryFolder(t)
  const ended = await epic('run', join(folder, 'app.ts'), '--json', '--data', join(folder, 'data'))
  const { error } = JSON.parse(ended.stderr) as { error: { code: string; retry: string } }
  assert.equal(error.code, 'AppNotFound')
  assert.equal(error.retry, 'never')
})

test('epic run: imports without endings, with .js, and of other folders, are found', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'one.ts'), 'export const one: number = 1')
  await writeFile(join(folder, 'two.ts'), 'export const two: number = 2')
  const app = await writeApp(
    folder,
    `import { one } from './one'\nimport { two } from './two.js'\nexport default defineApp({ entities: {}, setup: () => console.log(one + two) })`,
  )
  const ended = await epic(
    'run',
    app,
    '--processes',
    '1',
    '--exit-after-setup',
    '--data',
    join(folder, 'data'),
  )
  assert.match(ended.stdout, /^3$/m)
  assert.equal(ended.code, 0)
})
