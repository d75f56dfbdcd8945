import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonLogSink, textLogSink } from '@epicserver/runtime'

const now = (): Date => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6))
/** Ends a line, moves the cursor, turns the text around, begins an escape sequence in one byte. */
const hostile = 'bob\n12:00:00 error forged\r\u001b[2J\u2028\u009b31m'

function written(sinkOf: typeof textLogSink): string {
  const lines: string[] = []
  sinkOf((line) => lines.push(line), now)('info', `hello ${hostile}`, {
    name: hostile,
    nested: { name: hostile },
    error: new Error(hostile),
  })
  return lines.join('')
}

for (const [kind, sinkOf] of [
  ['text', textLogSink],
  ['json', jsonLogSink],
] as const) {
  test(`log, ${kind}: what entities and peers say forges no line and moves no cursor (checklist 31)`, () => {
    const text = written(sinkOf)
    assert.equal(text.split('\n').length, 2, 'one line, and what ends it')
    // eslint-disable-next-line no-control-regex -- the point is to find control characters
    assert.doesNotMatch(text.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    assert.match(text, /hello bob/)
  })
}

test('log, text: an error comes with the place in the app that threw it, and with no other', () => {
  const lines: string[] = []
  const error = new RangeError('too deep')
  error.stack = [
    'RangeError: too deep',
    '    at checked (node:internal/validators:1:2)',
    '    at wrap (/srv/game/node_modules/schema/index.js:3:4)',
    '    at Player.dig (/srv/game/src/player.ts:12:34)',
    '    at async run (/srv/game/src/app.ts:5:6)',
  ].join('\n')
  textLogSink((line) => lines.push(line), now)('error', 'failed', { error })
  assert.deepEqual(lines, [
    '03:04:05.006 error failed error=RangeError: too deep at Player.dig (/srv/game/src/player.ts:12:34)\n',
  ])
})

test('log, json: what was said comes back as it was', () => {
  const line = JSON.parse(written(jsonLogSink)) as { message: string; nested: { name: string } }
  assert.equal(line.message, `hello ${hostile}`)
  assert.equal(line.nested.name, hostile)
})
