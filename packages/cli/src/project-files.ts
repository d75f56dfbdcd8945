/** The files of a new project, as text. */

/** Where a project has Epic Server's packages from, as its package.json says it. */
export type PackageSource = (folder: 'epicserver' | 'testkit') => string

export function projectFiles(
  name: string,
  source: PackageSource,
): Readonly<Record<string, string>> {
  return {
    'package.json': `${JSON.stringify(packageJson(name, source), undefined, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(tsconfig, undefined, 2)}\n`,
    '.gitignore': 'node_modules\ndist\n.epic\n',
    'README.md': readme(name),
    'src/app.ts': app,
    'test/counter.test.ts': test,
  }
}

function packageJson(name: string, source: PackageSource): object {
  return {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      start: 'epic run src/app.ts',
      build: 'tsc -p .',
      test: 'tsc -p . && node --test dist/test/*.test.js',
    },
    dependencies: { epicserver: source('epicserver') },
    devDependencies: {
      '@epicserver/testkit': source('testkit'),
      '@types/node': '^20.19.0',
      typescript: '>=5.9',
    },
  }
}

const tsconfig = {
  compilerOptions: {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    types: ['node'],
    rootDir: '.',
    outDir: 'dist',
  },
  include: ['src', 'test'],
}

const readme = (name: string): string => `# ${name}

\`\`\`
npm install
npm start                              # runs src/app.ts on all cores; data lies in .epic
npx epic call Counter/demo increment   # in another terminal
npx epic inspect Counter/demo
npm test
\`\`\`
`

const app = `import { defineApp, Entity } from 'epicserver'

export class Counter extends Entity {
  count = 0

  async increment(): Promise<number> {
    this.count += 1
    return this.count
  }
}

export default defineApp({
  entities: { Counter },
  async setup(pool) {
    console.log(\`The demo counter stands at \${await pool.Counter['demo'].increment()}\`)
  },
})
`

const test = `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { script } from '@epicserver/testkit'
import { Counter } from '../src/app.ts'

test('a counter counts', async () => {
  const counter = script(Counter, 'demo')
  await counter.call('increment').expectReply(1)
  await counter.call('increment').expectReply(2)
  assert.equal(counter.state.count, 2)
})
`
