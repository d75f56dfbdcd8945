import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SoloRouter } from '@epicserver/runtime'
import type { NodeLink } from '#src/node/ports.ts'
import { TalkExchange } from '#src/placement/talk-exchange.ts'
import { rig, type LogLine, type ManualClock } from '../rig.ts'

const ROUND_MS = 1_000
const TALK = 'entity.talk'

interface Sent {
  readonly to: string
  readonly what: string
  readonly args: readonly unknown[]
}

/** Has links to `n2` and `n3`, and keeps what is sent over them. */
class TwoLinks extends SoloRouter {
  readonly sent: Sent[] = []
  refusal: Error | undefined

  linkTo(to: string): NodeLink | undefined {
    if (to !== 'n2' && to !== 'n3') return undefined
    return {
      nodeId: to,
      backlogBytes: 0,
      tell: (what, args, onRefused) => {
        if (this.refusal === undefined) this.sent.push({ to, what, args })
        else onRefused(this.refusal)
      },
    }
  }
}

interface Exchanging {
  readonly exchange: TalkExchange
  readonly router: TwoLinks
  readonly clock: ManualClock
  readonly log: LogLine[]
  /** Another node tells something. */
  readonly hear: (from: string, talks: unknown) => void
}

function exchanging(): Exchanging {
  const router = new TwoLinks()
  const { node, clock, log } = rig({}, { router })
  const exchange = new TalkExchange(node, ROUND_MS)
  const hear = (from: string, talks: unknown): void => {
    exchange.requests.get(TALK)?.(from, [talks])
  }
  return { exchange, router, clock, log, hear }
}

describe('talk exchange: telling', () => {
  it('tells each node what concerns it, in one message, the greatest first', () => {
    const { exchange, router } = exchanging()
    exchange.tell([
      { key: 'P/a', with: 'P/x', at: 'n2', rate: 1 },
      { key: 'P/b', with: 'P/y', at: 'n3', rate: 2 },
      { key: 'P/c', with: 'P/z', at: 'n2', rate: 3 },
    ])
    const toSecond = [
      ['P/c', 'P/z', 3],
      ['P/a', 'P/x', 1],
    ]
    assert.deepEqual(router.sent, [
      { to: 'n2', what: TALK, args: [toSecond] },
      { to: 'n3', what: TALK, args: [[['P/b', 'P/y', 2]]] },
    ])
  })

  it('tells nobody of talk within its own node, or to one that it has no link to', () => {
    const { exchange, router } = exchanging()
    exchange.tell([
      { key: 'P/a', with: 'P/b', at: 'n1', rate: 9 },
      { key: 'P/a', with: 'P/c', at: 'n9', rate: 9 },
    ])
    assert.deepEqual(router.sent, [])
  })

  it('tells of a thousand at most, and of the greatest', () => {
    const { exchange, router } = exchanging()
    const many = Array.from({ length: 1_200 }, (_, i) => {
      return { key: `P/${i}`, with: 'P/x', at: 'n2', rate: i }
    })
    exchange.tell(many)
    const [told] = (router.sent[0] as Sent).args as [[string, string, number][]]
    assert.equal(told.length, 1_000)
    assert.deepEqual(told.at(-1), ['P/200', 'P/x', 200])
  })

  it('that is refused is a line of the log, and nothing else', () => {
    const { exchange, router, log } = exchanging()
    router.refusal = new Error('no room')
    exchange.tell([{ key: 'P/a', with: 'P/x', at: 'n2', rate: 1 }])
    assert.deepEqual(
      log.map(({ level, facts }) => ({ level, to: facts['to'] })),
      [{ level: 'debug', to: 'n2' }],
    )
  })
})

describe('talk exchange: hearing', () => {
  it('has what others say from this side: whose entity here is called by whom, from where', () => {
    const { exchange, hear } = exchanging()
    hear('n2', [['P/far', 'P/here', 4]])
    assert.deepEqual(exchange.heard(), [{ key: 'P/here', with: 'P/far', at: 'n2', rate: 4 }])
  })

  it('puts a newer word of a node in the place of the older', () => {
    const { exchange, hear } = exchanging()
    hear('n2', [['P/far', 'P/here', 4]])
    hear('n2', [['P/far', 'P/there', 5]])
    assert.deepEqual(exchange.heard(), [{ key: 'P/there', with: 'P/far', at: 'n2', rate: 5 }])
  })

  it('forgets after two rounds', async () => {
    const { clock, exchange, hear } = exchanging()
    hear('n2', [['P/far', 'P/here', 4]])
    await clock.advance(2 * ROUND_MS)
    assert.equal(exchange.heard().length, 1)
    await clock.advance(1)
    assert.deepEqual(exchange.heard(), [])
  })

  it('leaves out what is no talk, and hears a thousand at most', () => {
    const { exchange, hear } = exchanging()
    const wrong = [null, 'P/a', ['P/a', 'P/b'], ['P/a', 7, 1], ['P/a', 'P/b', -1]]
    hear('n2', [...wrong, ['P/a', 'P/b', NaN], ['P/a', 'P/b', Infinity], ['P/a', 'P/b', 1]])
    hear('n3', { length: 3 })
    assert.equal(exchange.heard().length, 1)
    hear('n2', new Array(1_200).fill(['P/a', 'P/b', 1]))
    assert.equal(exchange.heard().length, 1_000)
  })
})
