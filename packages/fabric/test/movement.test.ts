import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Movement } from '#src/movement.ts'
import type { EntityStatement } from '#src/peer-message.ts'
import { Desk } from './desk.ts'

const place = { key: 'P/1', partition: 0 }
const resident = { ...place, epoch: 7n }

class Bench {
  readonly desk: Desk
  readonly movement: Movement
  readonly stayed: bigint[] = []
  readonly gone: string[] = []
  canAdopt = true

  constructor(self: string) {
    this.desk = new Desk(self)
    this.movement = new Movement(
      this.desk,
      { askEveryMs: 100, mutations: new Set() },
      {
        onStayed: ({ epoch }) => this.stayed.push(epoch),
        onGone: (_, { host }) => this.gone.push(host),
        onArriving: () => 3,
        canAdopt: () => this.canAdopt,
      },
    )
  }

  said(from: string, statement: EntityStatement, now = 0): string[] {
    this.movement.handleMessage(from, { viewNo: 1, term: 1, ...place, ...statement }, now)
    return this.did()
  }

  /** Effects and messages since the last time, by kind. */
  did(): string[] {
    const told = this.desk.told().map(({ to, statement }) => `${statement.kind} > ${to}`)
    return [...this.desk.effects().map((effect) => effect.kind), ...told]
  }
}

const prepared: EntityStatement = { kind: 'movePrepared', sourceEpoch: 7n, epoch: 8n }
const committed = {
  kind: 'moveCommitted',
  sourceEpoch: 7n,
  epoch: 8n,
  host: 't',
  nonce: 3,
} as const satisfies EntityStatement
const aborted: EntityStatement = { kind: 'moveAborted', sourceEpoch: 7n, epoch: 9n }

function source(state: 'preparing' | 'draining' | 'transferring' | 'asking'): Bench {
  const bench = new Bench('s')
  bench.movement.depart(resident, 't', 0)
  if (state !== 'preparing') bench.said('o', prepared)
  if (state !== 'preparing' && state !== 'draining') bench.movement.seal('P/1', 'payload')
  if (state === 'asking') bench.movement.handleTick(2_000)
  bench.did()
  return bench
}

describe('movement, source: preparing and draining', () => {
  it('asks the owner to prepare, and lets the entity go on meanwhile', () => {
    const bench = new Bench('s')
    bench.movement.depart(resident, 't', 0)
    assert.deepEqual(bench.did(), ['prepareMove > o'])
    assert.equal(bench.movement.isMoving('P/1'), true)
    bench.movement.seal('P/1', 'payload')
    assert.deepEqual(bench.did(), [])
  })

  it('asks again while the owner is silent, and no more when it has answered', () => {
    const bench = source('preparing')
    bench.movement.handleTick(100)
    assert.deepEqual(bench.did(), ['prepareMove > o'])
    bench.said('o', prepared)
    bench.movement.handleTick(200)
    assert.deepEqual(bench.did(), [])
  })

  it('seals the entity when the owner has prepared, once, and then transfers it', () => {
    const bench = source('preparing')
    assert.deepEqual(bench.said('o', prepared), ['seal'])
    assert.deepEqual(bench.said('o', prepared), [])
    bench.movement.seal('P/1', 'payload')
    assert.deepEqual(bench.did(), ['transfer > t'])
  })

  it('takes no preparation of another epoch', () => {
    assert.deepEqual(source('preparing').said('o', { ...prepared, sourceEpoch: 6n }), [])
  })

  it('asks how it ends when the owner refuses', () => {
    const refused = { kind: 'moveRefused', sourceEpoch: 7n } as const
    assert.deepEqual(source('preparing').said('o', refused), ['abortMove > o'])
  })

  it('asks how it ends when it has no quiet moment in two seconds', () => {
    const bench = source('draining')
    assert.equal(bench.movement.wakeAtMs, 2_000)
    bench.movement.handleTick(2_000)
    assert.deepEqual(bench.did(), ['abortMove > o'])
  })

  it('asks how it ends when the application gives up', () => {
    for (const state of ['preparing', 'draining'] as const) {
      const bench = source(state)
      bench.movement.giveUp('P/1', 5)
      assert.deepEqual(bench.did(), ['abortMove > o'])
    }
  })

  it('ends with its activation', () => {
    const bench = source('draining')
    bench.movement.forget('P/1')
    assert.equal(bench.movement.isMoving('P/1'), false)
    assert.equal(bench.movement.wakeAtMs, Infinity)
  })
})

describe('movement, source: transferring and asking', () => {
  it('lets it go when the owner commits', () => {
    for (const state of ['transferring', 'asking'] as const) {
      const bench = source(state)
      assert.deepEqual(bench.said('o', committed), ['moved'])
      assert.deepEqual(bench.gone, ['t'])
      assert.equal(bench.movement.isMoving('P/1'), false)
    }
  })

  it('goes on with a newer epoch when the owner aborts', () => {
    for (const state of ['transferring', 'asking'] as const) {
      const bench = source(state)
      assert.deepEqual(bench.said('o', aborted), ['resume'])
      assert.deepEqual(bench.stayed, [9n])
    }
  })

  it('believes no end of another move', () => {
    const bench = source('asking')
    assert.deepEqual(bench.said('o', { ...committed, sourceEpoch: 5n }), [])
    assert.deepEqual(bench.said('o', { ...aborted, sourceEpoch: 5n }), [])
    assert.deepEqual(bench.said('o', { ...aborted, epoch: 6n }), [])
    assert.equal(bench.movement.isMoving('P/1'), true)
  })

  it('asks when the target cannot, or says nothing', () => {
    assert.deepEqual(
      source('transferring').said('t', { kind: 'transferFailed', sourceEpoch: 7n }),
      ['abortMove > o'],
    )
    const silent = source('transferring')
    silent.movement.handleTick(2_000)
    assert.deepEqual(silent.did(), ['abortMove > o'])
  })

  it('asks until somebody owns the partition and answers', () => {
    const bench = source('asking')
    bench.desk.owner = undefined
    bench.movement.handleTick(2_100)
    assert.deepEqual(bench.did(), [])
    bench.desk.owner = 'h'
    bench.movement.handleTick(2_200)
    assert.deepEqual(bench.did(), ['abortMove > h'])
  })

  it('reports it as moving', () => {
    assert.deepEqual(source('asking').movement.reports(0), [{ ...resident, state: 'moving' }])
    assert.deepEqual(source('asking').movement.reports(1), [])
  })
})

const transfer: EntityStatement = {
  kind: 'transfer',
  sourceEpoch: 7n,
  epoch: 8n,
  payload: 'payload',
}

function target(state: 'adopting' | 'asking'): Bench {
  const bench = new Bench('t')
  bench.said('s', transfer)
  if (state === 'asking') bench.movement.adopt('P/1', 0)
  bench.did()
  return bench
}

describe('movement, target: adopting', () => {
  it('begins with a transfer, once', () => {
    const bench = new Bench('t')
    assert.deepEqual(bench.said('s', transfer), ['adopt'])
    assert.deepEqual(bench.said('s', transfer), [])
    assert.equal(bench.movement.isArriving('P/1'), true)
  })

  it('does not begin where the entity is already', () => {
    const bench = new Bench('t')
    bench.canAdopt = false
    assert.deepEqual(bench.said('s', transfer), [])
  })

  it('asks the owner to commit when it is rebuilt', () => {
    const bench = target('adopting')
    bench.movement.adopt('P/1', 0)
    assert.deepEqual(bench.desk.told()[0]?.statement, { kind: 'commitMove', epoch: 8n, nonce: 3 })
  })

  it('tells the source when it cannot be rebuilt', () => {
    const bench = target('adopting')
    bench.movement.refuse('P/1')
    assert.deepEqual(bench.did(), ['transferFailed > s'])
    assert.equal(bench.movement.isArriving('P/1'), false)
  })

  it('does not run before it is rebuilt, whatever the owner says', () => {
    assert.deepEqual(target('adopting').said('o', committed), [])
  })

  it('is dropped when the owner aborts', () => {
    const end: EntityStatement = { kind: 'moveAborted', sourceEpoch: 0n, epoch: 8n }
    assert.deepEqual(target('adopting').said('o', end), ['drop'])
  })
})

describe('movement, target: asking', () => {
  it('asks again while the owner is silent', () => {
    const bench = target('asking')
    assert.equal(bench.movement.wakeAtMs, 100)
    bench.movement.handleTick(100)
    assert.deepEqual(bench.did(), ['commitMove > o'])
  })

  it('runs when the owner commits', () => {
    const bench = target('asking')
    assert.deepEqual(bench.said('o', { ...committed, sourceEpoch: 0n }), ['start'])
    assert.deepEqual(bench.stayed, [8n])
  })

  it('does not run by the word for an earlier arrival in the same epoch', () => {
    const bench = target('asking')
    assert.deepEqual(bench.said('o', { ...committed, sourceEpoch: 0n, nonce: 2 }), [])
    assert.deepEqual(bench.stayed, [])
  })

  it('is dropped when the owner aborts, in its epoch only', () => {
    const bench = target('asking')
    assert.deepEqual(bench.said('o', { ...aborted, epoch: 6n }), [])
    assert.deepEqual(bench.said('o', { ...aborted, epoch: 8n }), ['drop'])
  })

  it('reports it as adopting', () => {
    assert.deepEqual(target('asking').movement.reports(0), [
      { ...place, epoch: 8n, state: 'adopting' },
    ])
  })
})
