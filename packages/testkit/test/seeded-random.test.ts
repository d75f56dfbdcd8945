import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '@epicserver/testkit'

test('seeded randomness: the sequence of a seed is written down, since every known seed depends on it', () => {
  const random = new SeededRandom(42)
  const drawn = Array.from({ length: 4 }, () => Math.floor(random.next() * 1e9))
  assert.deepEqual(drawn, [153_771_653, 850_489_300, 18_084_544, 211_930_282])
})

test('seeded randomness: numbers stay in their range, and spread over it', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new SeededRandom(seed)
      const counts = [0, 0, 0, 0]
      for (let i = 0; i < 400; i += 1) {
        const drawn = random.whole(3, 6)
        assert.ok(drawn >= 3 && drawn <= 6)
        counts[drawn - 3] = (counts[drawn - 3] ?? 0) + 1
      }
      assert.ok(Math.min(...counts) > 40)
    }),
    { numRuns: 50 },
  )
})

test('seeded randomness: a fork goes its own way', () => {
  const one = new SeededRandom(7)
  const fork = one.fork()
  const drawn = [one.next(), one.next()]
  const two = new SeededRandom(7)
  const other = two.fork()
  for (let i = 0; i < 10; i += 1) other.next()
  assert.deepEqual([two.next(), two.next()], drawn)
  assert.notEqual(fork.next(), drawn[0])
})

test('seeded randomness: nothing can be picked from nothing', () => {
  assert.throws(() => new SeededRandom(1).pick([]), RangeError)
})
