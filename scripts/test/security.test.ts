import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from '../repository.ts'

const CASES = 46
const page = readFileSync(join(repositoryRoot, 'docs/internals/security.md'), 'utf8')

/** The numbers that a row is about: `7`, or `15–27, 42`. */
function numbersIn(cell: string): number[] {
  return cell.split(', ').flatMap((part) => {
    const [first = 0, last = first] = part.split('–').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

/** Case by case, the test files that the page names. */
function filesByCase(): Map<number, string[]> {
  const rows = [...page.matchAll(/^\| ([\d–, ]+) \|(.*)\|$/gm)]
  return new Map(
    rows.flatMap(([, numbers = '', rest = '']) =>
      numbersIn(numbers).map((number) => [
        number,
        [...rest.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, path = '']) => path),
      ]),
    ),
  )
}

/** The cases that a test file bears in its names. */
function casesIn(path: string): number[] {
  const file = join(repositoryRoot, path)
  if (!existsSync(file)) return []
  const source = readFileSync(file, 'utf8')
  const tags = source.matchAll(/(?:checklist|security) ((?:\d+(?:, )?)+)/g)
  return [...new Set([...tags].flatMap(([, numbers = '']) => numbers.match(/\d+/g) ?? []))].map(
    Number,
  )
}

test('security: each case is in the page, once, with its tests or with what it waits for', () => {
  const numbers = [...filesByCase().keys()].toSorted((a, b) => a - b)
  assert.deepEqual(
    numbers,
    Array.from({ length: CASES }, (_, i) => i + 1),
  )
})

test('security: the tests that the page names are there and bear the number', () => {
  const named = [...filesByCase()].flatMap(([number, paths]) =>
    paths.map((path) => ({ number, path })),
  )
  assert.ok(named.length > 50, 'the page is a map')
  const wrong = named.filter(({ number, path }) => !casesIn(path).includes(number))
  assert.deepEqual(wrong, [])
})
