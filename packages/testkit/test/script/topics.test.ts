/** A scripted entity that publishes and subscribes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { Entity, settings } from '@epicserver/runtime'
import { ExpectationFailed, script } from '@epicserver/testkit'

class Trader extends Entity {
  static override settings = settings<Trader>({
    operations: { onOffer: { oneWay: true }, sell: { atomic: true } },
  })
  seen = 0

  async watch(): Promise<string> {
    await this.topic<{ price: number }>('market').subscribe('onOffer', (o) => o.price.lt(10))
    return 'watching'
  }
  async rest(): Promise<void> {
    await this.topic('market').unsubscribe()
  }
  async sell(price: number): Promise<void> {
    this.topic('market').publish({ price })
    if (price < 0) throw new Error('not for that')
  }
  onOffer(_offer: { price: number }, _topic: string): void {
    this.seen += 1
  }
}

describe('a scripted entity with topics', () => {
  it('publishes, with the message compared or not', async () => {
    const trader = script(Trader, 'ann')
    const first = trader.call('sell', 5)
    await first.expectPublish('market', { price: 5 })
    await first.expectReply(undefined)
    const second = trader.call('sell', 6)
    await second.expectPublish('market')
    await second.expectReply(undefined)
  })

  it('publishes something else than was expected: the failure says what', async () => {
    const turn = script(Trader, 'ann').call('sell', 5)
    await assert.rejects(turn.expectPublish('market', { price: 7 }), (error: Error) => {
      assert.ok(error instanceof ExpectationFailed)
      assert.match(error.message, /sent \$Topic\/market\.publish\(\{ price: 5 \}\)/)
      return true
    })
  })

  it('publishes nothing from an atomic operation that throws', async () => {
    const turn = script(Trader, 'ann').call('sell', -1)
    await turn.expectError(/not for that/)
    await turn.expectNothing()
  })

  it('subscribes, waits until that is durable, and hears', async () => {
    const trader = script(Trader, 'ann')
    const turn = trader.call('watch')
    await turn.expectSubscribe('market').reply()
    await turn.expectReply('watching')
    await trader.call('onOffer', { price: 1 }, 'market').expectReply(undefined)
    assert.equal(trader.state.seen, 1)
  })

  it('is refused a subscription', async () => {
    const turn = script(Trader, 'ann').call('watch')
    await turn.expectSubscribe('market').fail(new EpicError('Overloaded', 'full'))
    await turn.expectError('Overloaded')
  })

  it('ends its subscription', async () => {
    const turn = script(Trader, 'ann').call('rest')
    await turn.expectUnsubscribe('market').reply()
    await turn.expectReply(undefined)
  })
})
