import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { nodeEnvironment } from '#src/host/node-environment.ts'

/** What V8 would let the heap of a process with this environment grow to; the young generation counts in it. */
function heapBytesMaxIn(env: NodeJS.ProcessEnv): number {
  const program = 'v8.getHeapStatistics().heap_size_limit'
  return Number(spawnSync(process.execPath, ['-p', program], { env, encoding: 'utf8' }).stdout)
}

test('environment of a node process: Node is told of a larger young generation', () => {
  assert.deepEqual(nodeEnvironment({ HOME: '/root' }), {
    HOME: '/root',
    NODE_OPTIONS: '--max-semi-space-size=32',
  })
})

test('environment of a node process: what the user says of the young generation counts', () => {
  const own = { ...process.env, NODE_OPTIONS: '--max-semi-space-size=8' }
  const ours = { ...own, NODE_OPTIONS: '' }
  assert.equal(heapBytesMaxIn(nodeEnvironment(own)), heapBytesMaxIn(own))
  assert.ok(heapBytesMaxIn(nodeEnvironment(ours)) > heapBytesMaxIn(own))
})
