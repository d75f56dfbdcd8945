import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Effect, LiveReport, View, ViewMessage } from '@epicserver/fabric'
import { Outbox } from '#src/effects.ts'
import { Wedge } from '#src/wedge.ts'
import { viewOf } from './members.ts'

class Bench {
  readonly outbox = new Outbox()
  readonly gained: string[] = []
  readonly here: LiveReport[] = []
  readonly wedge: Wedge = new Wedge(this.outbox, {
    self: 'a',
    askEveryMs: 100,
    mutations: new Set(),
    reports: (partition) => this.here.filter((report) => report.partition === partition),
    onGained: (_, reports) => {
      for (const { key, from } of reports) this.gained.push(`${key}@${from}`)
    },
  })

  /** Effects since the last time, in short: `gained 0,1 @1`, `lost 2 #3`, `installed 3 > b`, `ask > c`. */
  said(): string[] {
    const lines: string[] = []
    for (let e = this.outbox.shift(); e !== undefined; e = this.outbox.shift()) {
      const line = inShort(e)
      if (line !== '') lines.push(line)
    }
    return lines
  }

  install(view: View, now = 0): string[] {
    this.wedge.install(view, now)
    return this.said()
  }

  told(from: string, message: ViewMessage): string[] {
    this.wedge.handleMessage(from, message)
    return this.said()
  }
}

function inShort(effect: Effect): string {
  if (effect.kind === 'gained') return `gained ${effect.partitions.join()} @${effect.epoch}`
  if (effect.kind === 'lost') return `lost ${effect.partitions.join()} #${effect.viewNo}`
  if (effect.kind !== 'sendPeer') return ''
  const { message, to } = effect
  return message.kind === 'installed' ? `installed ${message.installed} > ${to}` : `ask > ${to}`
}

/** Stopped all up to view `no`, and says what lives there since a view. */
const installed = (no: number, since = 0, live: readonly LiveReport[] = []): ViewMessage => ({
  kind: 'installed',
  installed: no,
  since,
  viewNo: no,
  live,
})
const asked = (since: number): ViewMessage => ({ kind: 'askInstalled', viewNo: since, since })
const lives = (key: string, partition: number): LiveReport => ({
  key,
  partition,
  epoch: 1n,
  state: 'live',
})

describe('wedge: waiting', () => {
  it('alone serves at once', () => {
    assert.deepEqual(new Bench().install(viewOf(1, 'a', 'aa')), ['gained 0,1 @1'])
  })

  it('serves when all members have installed the view', () => {
    const bench = new Bench()
    assert.deepEqual(bench.install(viewOf(1, 'abc', 'ab')), ['installed 1 > b'])
    assert.deepEqual(bench.told('b', installed(1)), [])
    assert.equal(bench.wedge.isServing(0), false)
    assert.deepEqual(bench.told('c', installed(1)), ['gained 0 @1'])
    assert.equal(bench.wedge.isServing(0), true)
    assert.equal(bench.wedge.isServing(1), false)
  })

  it('takes no answer for an older view', () => {
    const bench = new Bench()
    bench.install(viewOf(5, 'ab', 'a'))
    assert.deepEqual(bench.told('b', installed(4)), [])
    assert.deepEqual(bench.told('b', installed(5)), ['gained 0 @5'])
  })

  it('does not wait for members that a later view has dropped', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'abc', 'a'))
    bench.told('b', installed(1))
    assert.deepEqual(bench.install(viewOf(2, 'ab', 'a', [1])), ['gained 0 @1'])
  })

  it('does not wait for members that joined after the view', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'ab', 'a'))
    bench.install(viewOf(2, 'abd', 'a', [1]))
    assert.deepEqual(bench.told('b', installed(1)), ['gained 0 @1'])
  })

  it('keeps the answer of a member whose view is still on its way here', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'a', 'a'))
    bench.told('b', installed(2))
    assert.deepEqual(bench.install(viewOf(2, 'ab', 'aa', [1, 2])), ['gained 1 @2'])
  })

  it('takes the answer of a member whose view is newer only when it has that view', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'ab', 'ab'))
    bench.told('b', installed(1))
    // By view 3 partition 1 is not for this member: what lives there, b has told somebody else.
    const byNewer: ViewMessage = { ...installed(3, 1), viewNo: 3 }
    bench.install(viewOf(2, 'ab', 'aa', [1, 2]))
    assert.deepEqual(bench.told('b', byNewer), [])
    assert.deepEqual(bench.install(viewOf(3, 'ab', 'ab', [1, 3])), ['installed 3 > b'])
    assert.equal(bench.wedge.isServing(1), false)
  })

  it('takes no answer that says nothing of its view', () => {
    const bench = new Bench()
    bench.install(viewOf(5, 'ab', 'a'))
    assert.deepEqual(bench.told('b', installed(5, 5)), [])
    assert.deepEqual(bench.told('b', installed(5, 4)), ['gained 0 @5'])
  })

  it('hands on what lives elsewhere of its partitions, and here', () => {
    const bench = new Bench()
    bench.here.push(lives('y', 0))
    bench.install(viewOf(1, 'abc', 'ab'))
    bench.told('b', installed(1, 0, [lives('x', 0), lives('z', 1)]))
    bench.told('c', installed(1))
    assert.deepEqual(bench.gained, ['x@b', 'y@a'])
  })

  it('hands on very many', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'ab', 'ab'))
    const live = Array.from({ length: 200_000 }, (_, i) => lives(`P/${i}`, 0))
    bench.told('b', installed(1, 0, live))
    assert.equal(bench.gained.length, 200_000)
  })

  it('forgets what lived with a member that died meanwhile', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'abc', 'a'))
    bench.told('b', installed(1, 0, [lives('x', 0)]))
    bench.install(viewOf(2, 'ac', 'a', [1]))
    bench.told('c', installed(1))
    assert.deepEqual(bench.gained, [])
    assert.equal(bench.wedge.isServing(0), true)
  })

  it('drops what a stranger says', () => {
    const bench = new Bench()
    bench.install(viewOf(3, 'ab', 'a'))
    assert.deepEqual(bench.told('x', asked(0)), [])
    assert.deepEqual(bench.told('x', installed(3)), [])
  })

  it('asks those who have not answered, until they have', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'abc', 'a'), 1_000)
    bench.told('b', installed(1))
    assert.equal(bench.wedge.wakeAtMs, 1_100)
    bench.wedge.handleTick(1_100)
    assert.deepEqual(bench.said(), ['ask > c'])
    bench.told('c', installed(1))
    assert.equal(bench.wedge.wakeAtMs, Infinity)
  })

  it('ends when another view takes the partition away', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'ab', 'a'))
    bench.install(viewOf(2, 'ab', 'b'))
    assert.deepEqual(bench.told('b', installed(2)), [])
    assert.equal(bench.wedge.isServing(0), false)
  })
})

describe('wedge: serving and stopping', () => {
  function serving(owners: string): Bench {
    const bench = new Bench()
    bench.install(viewOf(1, 'ab', owners))
    bench.told('b', installed(1))
    return bench
  }

  it('stops first, and says "installed" only when all has stopped', () => {
    const bench = serving('aa')
    assert.deepEqual(bench.install(viewOf(2, 'ab', 'ab', [1, 2])), ['lost 1 #2'])
    assert.equal(bench.wedge.isServing(1), false)
    assert.equal(bench.wedge.installedNo, 1)
    assert.deepEqual(bench.told('b', asked(1)), ['installed 1 > b'])
    bench.wedge.ackLost(2)
    assert.deepEqual(bench.said(), ['installed 2 > b'])
  })

  it('goes on with what it keeps', () => {
    const bench = serving('aa')
    bench.install(viewOf(2, 'ab', 'ab', [1, 2]))
    assert.equal(bench.wedge.isServing(0), true)
  })

  it('loses and regains what was another’s in views that it did not see', () => {
    const bench = serving('a')
    assert.deepEqual(bench.install(viewOf(3, 'ab', 'a', [3])), ['lost 0 #3'])
    assert.deepEqual(bench.told('b', installed(3)), [])
    bench.wedge.ackLost(3)
    assert.deepEqual(bench.said(), ['gained 0 @3'])
  })

  it('does not claim views between while it stops for a later one', () => {
    const bench = serving('aa')
    bench.install(viewOf(5, 'ab', 'ab', [1, 4]))
    assert.equal(bench.wedge.installedNo, 1)
  })

  it('counts as installed what is below the oldest stop', () => {
    const bench = serving('aa')
    bench.install(viewOf(2, 'ab', 'ab', [1, 2]))
    bench.install(viewOf(3, 'ab', 'bb', [3, 2]))
    bench.wedge.ackLost(2)
    assert.equal(bench.wedge.installedNo, 2)
    bench.wedge.ackLost(3)
    assert.equal(bench.wedge.installedNo, 3)
  })

  it('tells of a newly installed view those only who wait for it', () => {
    const bench = new Bench()
    bench.install(viewOf(1, 'abc', 'abc'))
    assert.deepEqual(bench.install(viewOf(2, 'abc', 'abb', [1, 1, 2])), ['installed 2 > b'])
  })

  it('says what lives here of the partitions that another waits for', () => {
    const bench = serving('aab')
    bench.here.push(lives('x', 1), lives('y', 2))
    bench.wedge.install(viewOf(2, 'ab', 'abb', [1, 2, 1]), 0)
    bench.wedge.ackLost(2)
    const answers: unknown[] = []
    for (let e = bench.outbox.shift(); e !== undefined; e = bench.outbox.shift()) {
      if (e.kind === 'sendPeer') answers.push(e.message)
    }
    assert.deepEqual(answers, [
      { kind: 'installed', viewNo: 2, since: 1, installed: 2, live: [lives('x', 1)] },
    ])
  })

  it('by order stops all, apart from what is stopping already', () => {
    const bench = serving('aab')
    bench.install(viewOf(2, 'ab', 'abb', [1, 2, 1]))
    bench.wedge.stopAll()
    assert.deepEqual(bench.said(), ['lost 0 #3'])
    bench.wedge.ackLost(2)
    assert.equal(bench.wedge.hasStopped, false)
    bench.wedge.ackLost(3)
    assert.equal(bench.wedge.hasStopped, true)
  })
})
