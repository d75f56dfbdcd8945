// The one process of all unit tests: imports each file that the test script names. A file that
// cannot be imported becomes a failing test of its own, and the others still run.
//
// A marker goes before each file's tests, because the runner tells where a test was written, and
// that is another file where a package runs a conformance suite.

import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { markerOf } from './test-files.ts'

const files = JSON.parse(process.env['EPIC_UNIT_TESTS'] ?? '[]') as string[]

for (const file of files) {
  void test(markerOf(file), () => {})
  try {
    await import(pathToFileURL(file).href)
  } catch (error) {
    void test('the file can be imported', () => {
      throw error
    })
  }
}
