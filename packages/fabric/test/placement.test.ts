import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { choosePlace } from '@epicserver/fabric'
import type { Load, PlacementPolicy, Surroundings } from '@epicserver/fabric'
import { member } from './members.ts'

const load = (cpu: number): Load => ({ cpu, bytes: 0, messages: 0, entities: 0 })
const around: Surroundings = {
  view: {
    viewNo: 1,
    members: [
      member('a'),
      member('b', { labels: ['gpu'] }),
      member('c', { labels: ['gpu'] }),
      member('d', { state: 'draining' }),
      member('j', { state: 'joining', labels: ['gpu'] }),
    ],
    owner: ['a', 'd'],
    partitionEpoch: [1, 1],
  },
  loads: new Map([
    ['a', load(0.9)],
    ['b', load(0.5)],
    ['c', load(0.1)],
  ]),
}

function placed(policy: PlacementPolicy, caller = 'b', key = 'P/1'): string | undefined {
  return choosePlace({ key, partition: 0, policy, caller }, around)
}

describe('placement', () => {
  it('hash is home', () => {
    assert.equal(placed('hash'), 'a')
  })

  it('local is the caller’s node, or home when that takes nothing', () => {
    assert.equal(placed('local', 'c'), 'c')
    assert.equal(placed('local', 'd'), 'a')
    assert.equal(placed('local', 'j'), 'a')
  })

  it('near is where the other is, or home when that is not known or takes nothing', () => {
    assert.equal(placed({ near: 'c' }), 'c')
    assert.equal(placed({ near: 'd' }), 'a')
    assert.equal(placed({ near: undefined }), 'a')
  })

  it('label is one that carries it, and takes entities', () => {
    for (let i = 0; i < 50; i += 1) {
      assert.ok(['b', 'c'].includes(placed({ label: 'gpu' }, 'a', `P/${i}`) ?? ''))
    }
    assert.equal(placed({ label: 'tpu' }), undefined)
  })

  it('anywhere is the caller’s node', () => {
    assert.equal(placed('anywhere', 'b'), 'b')
    assert.ok(['a', 'b', 'c'].includes(placed('anywhere', 'd') ?? ''))
  })

  it('load goes to the less loaded ones, but not all to one', () => {
    const counts: Record<string, number> = {}
    for (let i = 0; i < 3_000; i += 1) {
      const host = placed('load', 'a', `P/${i}`) ?? '-'
      counts[host] = (counts[host] ?? 0) + 1
    }
    // Of two picked at random the less loaded: a never, b against a only, c always.
    assert.equal(counts['a'], undefined)
    assert.ok(Math.abs((counts['b'] ?? 0) - 1_000) < 150)
    assert.ok(Math.abs((counts['c'] ?? 0) - 2_000) < 150)
  })

  it('load counts against a member’s weight', () => {
    const members = [member('a', { weight: 4 }), member('b')]
    const view = { ...around.view, members }
    const loads = new Map([
      ['a', load(2)],
      ['b', load(0.9)],
    ])
    const request = { key: 'P/1', partition: 0, policy: 'load', caller: 'b' } as const
    assert.equal(choosePlace(request, { view, loads }), 'a')
  })

  it('is the same for the same knowledge, and always an active member', () => {
    const policy = fc.constantFrom<PlacementPolicy>('local', 'load', 'anywhere', { label: 'gpu' })
    fc.assert(
      fc.property(
        fc.string(),
        policy,
        fc.constantFrom('a', 'b', 'c', 'd', 'j', 'x'),
        (key, how, caller) => {
          const host = placed(how, caller, key)
          return host === placed(how, caller, key) && ['a', 'b', 'c'].includes(host ?? '')
        },
      ),
    )
  })
})
