import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RestartPace } from '#src/host/restart-pace.ts'

/** The pauses after lives that served so long; `undefined` never served. */
function pausesAfter(...servedMs: (number | undefined)[]): number[] {
  const pace = new RestartPace()
  let now = 1_000_000
  return servedMs.map((ms) => {
    if (ms !== undefined) pace.handleServing(now)
    now += ms ?? 50
    return pace.handleEnd(now)
  })
}

test('restart pace: the first restart waits until the others have taken over', () => {
  assert.deepEqual(pausesAfter(0), [150])
})

test('restart pace: a process that does not come up is tried ever less often', () => {
  const never = Array.from({ length: 9 }, () => undefined)
  assert.deepEqual(pausesAfter(...never), [150, 300, 600, 1200, 2400, 4800, 9600, 10_000, 10_000])
})

test('restart pace: one that dies soon after it served is in a bad way too', () => {
  assert.deepEqual(pausesAfter(999, 0, undefined), [150, 300, 600])
})

test('restart pace: a service of a second starts the count anew', () => {
  assert.deepEqual(
    pausesAfter(undefined, undefined, 1000, undefined, undefined),
    [150, 300, 150, 150, 300],
  )
})

test('restart pace: one that is killed again and again after it served comes back as fast each time', () => {
  assert.deepEqual(pausesAfter(1000, 5000, 60_000, 1000), [150, 150, 150, 150])
})
