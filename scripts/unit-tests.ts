// The one process of all unit tests: imports each file that the test script names. A file that
// cannot be imported becomes a failing test of its own, and the others still run.

import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

const files = JSON.parse(process.env['EPIC_UNIT_TESTS'] ?? '[]') as string[]

for (const file of files) {
  try {
    await import(pathToFileURL(file).href)
  } catch (error) {
    void test(`${file} can be imported`, () => {
      throw error
    })
  }
}
