import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findAny } from '../api-report.ts'

const report = (declarations: string): string => `# API\n\n\`\`\`ts\n${declarations}\n\`\`\`\n`

test('API report: any in a public type is found with its line', () => {
  assert.deepEqual(
    findAny(report('export const a: number\nexport function f(x: any[]): void')),
    [5],
  )
})

test('API report: the word any in a name or comment is none', () => {
  assert.deepEqual(findAny(report('// any\nexport const any: number')), [])
})
