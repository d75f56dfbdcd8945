// `npm run tidy`: holds every TypeScript file to scripts/tidy.ts and prints how the sizes stand
// against the numbers of STYLE.md. The numbers beyond the hard limits are for people to judge.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listFiles, repositoryRoot } from './repository.ts'
import { isTest, tidy } from './tidy.ts'

const purePackages = ['contracts', 'wire', 'kernel', 'fabric']

const files = listFiles(repositoryRoot, '', '.ts').map((path) => ({
  path,
  ...tidy(path, readFileSync(join(repositoryRoot, path), 'utf8')),
}))
const sources = files.filter(({ path }) => !isTest(path))
const breaches = files.flatMap((file) => file.breaches)

for (const breach of breaches) console.error(breach)
describe(
  'source file lines (aim: median 120, p90 350)',
  sources.map(({ lines }) => lines),
)
describe(
  'function lines (aim: median 10, p90 40)',
  sources.flatMap((file) => file.functionLines),
)
for (const name of purePackages) {
  const ratio = linesIn(`packages/${name}/test/`) / linesIn(`packages/${name}/src/`)
  console.log(`${name}: ${ratio.toFixed(2)} test lines to a source line (aim: 1)`)
}
console.log(`tidy: ${files.length} files, ${breaches.length} breaches`)
process.exitCode = breaches.length === 0 ? 0 : 1

function describe(what: string, values: number[]): void {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  console.log(`${what}: median ${at(0.5)}, p90 ${at(0.9)}, max ${at(1)}`)
}

function linesIn(folder: string): number {
  return files
    .filter(({ path }) => path.startsWith(folder))
    .reduce((sum, { lines }) => sum + lines, 0)
}
