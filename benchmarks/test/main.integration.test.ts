import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type BenchDefinition, type Row } from '../src/harness.ts'

const program = fileURLToPath(new URL('../src/main.js', import.meta.url))
const questions = new URL('../src/questions/', import.meta.url)

function runMain(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
}

suite('npm run bench', () => {
  test('--json: the last line is one object with the rows', () => {
    const { status, stdout, stderr } = runMain('baselines', '--quick', '--json')
    assert.equal(status, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    const { bench, node, rows } = JSON.parse(lines.at(-1) ?? '') as {
      bench: string
      node: string
      rows: Row[]
    }
    assert.equal(bench, 'baselines')
    assert.equal(node, process.version)
    assert.equal(rows.length, 9)
    for (const row of rows) {
      assert.ok(row.value > 0, row.case)
      assert.deepEqual([row.baseline, row.ratio], [null, null])
    }
  })

  test('a name that is no bench is refused with the names that are', () => {
    const { status, stderr } = runMain('no-such-bench')
    assert.equal(status, 2)
    assert.match(stderr, /'no-such-bench' is invalid/)
    assert.match(stderr, /Allowed choices are .*baselines/)
  })

  test('the figures of --quick are not saved', () => {
    const { status, stderr } = runMain('baselines', '--quick', '--save')
    assert.equal(status, 2)
    assert.match(stderr, /too short to quote are not kept/)
  })

  test('each question bears the name of its file', async () => {
    const files = readdirSync(questions).filter((file) => file.endsWith('.js'))
    assert.ok(files.includes('peers.js'))
    for (const file of files) {
      const { bench } = (await import(new URL(file, questions).href)) as { bench: BenchDefinition }
      assert.equal(bench.name, basename(file, '.js'))
    }
  })
})
