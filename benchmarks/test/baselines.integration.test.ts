import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { open } from 'lmdb'
import { Probe } from '../src/probe.ts'
import { withBaselines, withFolder } from '../src/workloads.ts'

const load = { operation: 'increment', inFlight: 10, targets: 10, durationMs: 20 }

suite('baselines', () => {
  test('each kind of work has one that answers calls', async () => {
    await withBaselines(async (baselines) => {
      for (const kind of ['local', 'remote', 'durable'] as const) {
        const { operations } = await baselines[kind].probe.measure(load)
        assert.ok(operations >= 10, `${kind}: ${operations}`)
      }
    })
  })

  test('the socket loop without promises counts too', async () => {
    await withBaselines(async ({ remote }) => {
      const { operations } = await remote.probe.measure({ ...load, operation: 'callbacks' })
      assert.ok(operations >= 10)
    })
  })

  test('LMDB alone: guarded puts of one caller a key are never refused', async () => {
    await withFolder(async (folder) => {
      const program = new URL('../src/baselines/lmdb-commits.js', import.meta.url)
      for (let start = 0; start < 2; start += 1) {
        const probe = await Probe.start(program, [folder])
        const { operations } = await probe.measure({ ...load, operation: 'guarded' })
        await probe.stop()
        assert.ok(operations >= 10)
      }
    })
  })

  test('LMDB alone: every increment that was counted is in the store', async () => {
    await withFolder(async (folder) => {
      const program = new URL('../src/baselines/lmdb-commits.js', import.meta.url)
      const probe = await Probe.start(program, [folder])
      const { operations } = await probe.measure(load)
      await probe.stop()

      const store = open<Buffer, string>({ path: folder, encoding: 'binary', readOnly: true })
      const counts = [...store.getRange()].map(({ value }) => value.readDoubleLE())
      await store.close()
      assert.equal(counts.length, 10)
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        operations,
      )
    })
  })
})
