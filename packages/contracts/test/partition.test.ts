import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PARTITIONS, partitionOf } from '@epicserver/contracts'

describe('partition: of an entity', () => {
  // These stand in data folders and databases: a change of any of them loses entities.
  const golden: readonly [string, string, number][] = [
    ['Player', 'bob', 768],
    ['Player', '0', 794],
    ['Barrel', '0', 893],
    ['Barrel', '1', 492],
    ['Barrel', '29', 332],
    ['A', '/', 683],
    ['A', '日本', 564],
    ['X', '😀', 858],
    ['Player', 'Bob: Slayer of armoured cylinders', 662],
    ['a'.repeat(128), 'z'.repeat(512), 579],
  ]
  for (const [type, id, partition] of golden) {
    it(`stays what it was for ${type.slice(0, 8)}/${id.slice(0, 8)}`, () => {
      assert.equal(partitionOf(type, id), partition)
    })
  }

  it('depends on the type as well as on the id', () => {
    const partitions = new Set(['A', 'B', 'C', 'D'].map((type) => partitionOf(type, '0')))
    assert.equal(partitions.size, 4)
  })

  it('spreads consecutive ids evenly', () => {
    const counts = new Array<number>(PARTITIONS).fill(0)
    for (let i = 0; i < 100 * PARTITIONS; i += 1) {
      const partition = partitionOf('Vertex', String(i))
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    // 100 expected; a fair die with 1,024 sides stays within 5 deviations of 10.
    assert.ok(Math.min(...counts) >= 50, `the emptiest has ${Math.min(...counts)}`)
    assert.ok(Math.max(...counts) <= 150, `the fullest has ${Math.max(...counts)}`)
  })

  it('spreads evenly over a few shards, too', () => {
    const counts = new Array<number>(7).fill(0)
    for (let i = 0; i < 70_000; i += 1) {
      const shard = partitionOf('Player', `user-${i}`) % 7
      counts[shard] = (counts[shard] ?? 0) + 1
    }
    for (const count of counts) assert.ok(count > 9_400 && count < 10_600, `a shard has ${count}`)
  })
})
