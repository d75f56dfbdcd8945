import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { controlGlobals, type GlobalSource } from '#src/controlled-globals.ts'
import { VirtualTime } from '#src/virtual-time.ts'

interface Globals {
  readonly Date: typeof Date
  readonly random: unknown
  readonly setTimeout: unknown
  readonly now: unknown
  readonly log: unknown
}

/** What is replaced; only compared, never called. */
function globalsNow(): Globals {
  const { random } = Math
  const { log } = console
  return { Date, random, setTimeout, now: Reflect.get(performance, 'now'), log }
}

describe('controlled globals', () => {
  const real = globalsNow()
  let time: VirtualTime
  let printed: string[]
  let restore: () => void

  beforeEach(() => {
    time = new VirtualTime()
    printed = []
    const source: GlobalSource = {
      wallMs: () => 1_000_000 + time.now,
      monotonicMs: () => time.now,
      random: () => 0.25,
      setTimer: (run, delayMs) => time.after(delayMs, run),
      print: (line) => printed.push(line),
    }
    restore = controlGlobals(() => source)
  })
  afterEach(() => restore())

  it('the present is that of the source, and other dates are what they are', () => {
    time.pass(5)
    assert.deepEqual(
      [Date.now(), new Date().getTime(), performance.now()],
      [1_000_005, 1_000_005, 5],
    )
    assert.equal(new Date(2020, 1, 2).getFullYear(), 2020)
    assert.ok(new Date() instanceof Date && new Date() instanceof real.Date)
    assert.equal(typeof Date(), 'string')
    assert.equal(Math.random(), 0.25)
  })

  it('timers fire in virtual time, once or until they are cleared', () => {
    const fired: string[] = []
    setTimeout((text: string) => fired.push(text), 10, 'timeout')
    setImmediate(() => fired.push('immediate'))
    clearTimeout(setTimeout(() => fired.push('cleared'), 1))
    const interval = setInterval(() => {
      fired.push('interval')
      if (time.now === 12) clearInterval(interval)
    }, 4)
    while (time.step(100));
    assert.deepEqual(fired, ['immediate', 'interval', 'interval', 'timeout', 'interval'])
  })

  it('what is printed goes to the source, with values as text', () => {
    console.log('found', { a: 1 }, new TypeError('no'), 10n)
    assert.deepEqual(printed, ['found {"a":1} TypeError: no 10'])
  })

  it('afterwards everything is as it was', () => {
    restore()
    assert.deepEqual(globalsNow(), real)
  })
})
