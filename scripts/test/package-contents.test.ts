import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryPointsOf, unwantedIn } from '../package-contents.ts'

test('package contents: built files, their sources and the README are wanted', () => {
  const files = ['package.json', 'README.md', 'dist/a.js', 'dist/a.d.ts.map', 'src/deep/a.ts']
  assert.deepEqual(unwantedIn(files), [])
})

test('package contents: tests, build information and secrets are not', () => {
  const files = ['dist-test/a.test.js', 'dist/.tsbuildinfo', '.env', 'src/notes.md']
  assert.deepEqual(unwantedIn(files), files)
})

test('entry points: every exported path but files of data', () => {
  const exports = { '.': {}, './raw': {}, './package.json': './package.json' }
  assert.deepEqual(entryPointsOf([{ name: '@epicserver/net', version: '0.1.0', exports }]), [
    '@epicserver/net',
    '@epicserver/net/raw',
  ])
})
