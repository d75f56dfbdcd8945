import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { Probe } from '../src/probe.ts'

const program = new URL('./fixtures/odd-probe.js', import.meta.url)
const load = { operation: 'echo', inFlight: 100, targets: 1, durationMs: 20 }

async function startProbe(t: TestContext): Promise<Probe> {
  const probe = await Probe.start(program)
  t.after(() => probe.stop())
  return probe
}

suite('probe', () => {
  test('measures in another process, as often as asked', async (t) => {
    const probe = await startProbe(t)
    assert.deepEqual(await probe.measure(load), { operations: 100, elapsedMs: 20 })
    assert.deepEqual(await probe.measure(load), { operations: 100, elapsedMs: 20 })
  })

  test('an error in it reaches the asker, and it goes on', async (t) => {
    const probe = await startProbe(t)
    await assert.rejects(probe.measure({ ...load, operation: 'fail' }), {
      message: 'odd-probe.js: disk on fire',
    })
    assert.equal((await probe.measure(load)).operations, 100)
  })

  test('a process that ends leaves no question open', async (t) => {
    const probe = await startProbe(t)
    await assert.rejects(probe.measure({ ...load, operation: 'end' }), {
      message: 'odd-probe.js: ended with 7',
    })
  })

  test('a program that cannot run is reported at the start', async () => {
    const missing = new URL('./fixtures/missing.js', import.meta.url)
    await assert.rejects(Probe.start(missing), { message: 'missing.js: ended with 1' })
  })
})
