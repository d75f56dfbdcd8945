import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compare, measureAlone, median, type Contender } from '../src/harness.ts'

/** A contender that yields these values, one a measurement, and writes its name down each time. */
function contender(name: string, values: readonly number[], order: string[]): Contender {
  const rest = [...values]
  return {
    name,
    measure() {
      order.push(name)
      return Promise.resolve(rest.shift() ?? Number.NaN)
    },
  }
}

suite('compare', () => {
  test('baseline and subject take turns', async () => {
    const order: string[] = []
    const subject = contender('A', [1, 1, 1], order)
    const baseline = contender('B', [1, 1, 1], order)
    await compare({ case: 'x', unit: '1/s', subject, baseline }, { rounds: 2 })
    assert.deepEqual(order, ['B', 'A', 'B', 'A', 'B', 'A'])
  })

  test('the row holds medians, their ratio and the spread, without the warm-up', async () => {
    const subject = contender('A', [9_999, 30, 10, 20], [])
    const baseline = contender('B', [9_999, 40, 41, 8], [])
    const row = await compare({ case: 'x', unit: '1/s', subject, baseline }, { rounds: 3 })
    assert.deepEqual(row, {
      case: 'x',
      value: 20,
      unit: '1/s',
      baseline: 40,
      ratio: 0.5,
      against: 'B',
      spread: { min: 10, max: 30 },
      baselineSpread: { min: 8, max: 41 },
    })
  })

  test('a measurement that fails fails the comparison', async () => {
    const broken = { name: 'A', measure: () => Promise.reject(new Error('no disk')) }
    const baseline = contender('B', [1, 1], [])
    const comparison = { case: 'x', unit: '1/s', subject: broken, baseline }
    await assert.rejects(compare(comparison, { rounds: 1 }), /no disk/)
  })
})

test('measureAlone: the row has no baseline and no ratio', async () => {
  const row = await measureAlone(contender('bare loop', [7, 1, 3], []), '1/s', { rounds: 2 })
  assert.deepEqual(row, {
    case: 'bare loop',
    value: 2,
    unit: '1/s',
    baseline: null,
    ratio: null,
    against: null,
    spread: { min: 1, max: 3 },
    baselineSpread: null,
  })
})

suite('median', () => {
  test('of an odd number of values is the one in the middle, in any order', () => {
    assert.equal(median([10, 9, 100]), 10)
  })

  test('of an even number of values lies between the two in the middle', () => {
    assert.equal(median([4, 1, 2, 100]), 3)
  })

  test('of nothing is a mistake', () => {
    assert.throws(() => median([]), /at least one value/)
  })
})
