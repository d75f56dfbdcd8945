import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Rev, WatchEvent } from '@epicserver/contracts'
import { ChangeFeed } from '#src/change-feed.ts'
import type { Fetched, Watcher } from '#src/change-feed.ts'

/** A history that a test writes; each fetch waits until the test lets it go. */
class Past {
  storeId = 'one'
  rev: Rev = 0n
  floor: Rev = 0n
  readonly fetches: Rev[] = []
  readonly #events: WatchEvent[] = []
  #open: (() => void)[] = []

  change(...keys: string[]): void {
    this.rev += 1n
    for (const key of keys) this.#events.push({ kind: 'delete', key, rev: this.rev })
  }

  fetch = async (from: Rev): Promise<Fetched> => {
    this.fetches.push(from)
    const to = from + 4n < this.rev ? from + 4n : this.rev
    const events = this.#events.filter(
      (event) => event.kind === 'delete' && event.rev > from && event.rev <= to,
    )
    const fetched = { storeId: this.storeId, rev: this.rev, floor: this.floor, to, events }
    await new Promise<void>((resolve) => this.#open.push(resolve))
    return fetched
  }

  /** Lets everything go that is under way, until nothing is. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 3; idle += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#open.length > 0) idle = 0
      for (const open of this.#open.splice(0)) open()
    }
  }
}

/** A watcher that keeps what it is told, as `key@revision` or `reset`. */
function recording(prefix: string, rev: Rev): Watcher & { readonly told: string[] } {
  const told: string[] = []
  const on = (events: readonly WatchEvent[] | 'reset'): void => {
    if (events === 'reset') told.push('reset')
    else
      told.push(
        ...events.map((event) => (event.kind === 'delete' ? `${event.key}@${event.rev}` : '?')),
      )
  }
  return { prefix, rev, on, told }
}

describe('change feed', () => {
  it('tells each watcher what it has not seen, under its prefix, in order', async () => {
    const past = new Past()
    for (let i = 0; i < 10; i += 1) past.change('a', 'b')
    const feed = new ChangeFeed(past)
    const [all, late, some] = [recording('', 0n), recording('', 8n), recording('b', 6n)]
    for (const watcher of [all, late, some]) feed.add(watcher)
    await past.settle()
    assert.equal(all.told.length, 20)
    assert.deepEqual(late.told, ['a@9', 'b@9', 'a@10', 'b@10'])
    assert.deepEqual(some.told, ['b@7', 'b@8', 'b@9', 'b@10'])
  })

  it('a watcher that comes during a fetch, from further behind, misses nothing', async () => {
    const past = new Past()
    for (let i = 0; i < 6; i += 1) past.change('a')
    const feed = new ChangeFeed(past)
    const [first, second] = [recording('', 4n), recording('', 1n)]
    feed.add(first)
    feed.add(second)
    await past.settle()
    assert.deepEqual(past.fetches.slice(0, 2), [4n, 1n])
    assert.deepEqual(first.told, ['a@5', 'a@6'])
    assert.deepEqual(second.told, ['a@2', 'a@3', 'a@4', 'a@5', 'a@6'])
  })

  it('a watcher that comes during a fetch, from a change that it does not find yet, is not reset', async () => {
    const past = new Past()
    past.change('a')
    const feed = new ChangeFeed(past)
    feed.add(recording('', 0n))
    past.change('a')
    const ahead = recording('', 2n)
    feed.add(ahead)
    await past.settle()
    past.change('a')
    feed.handleChange()
    await past.settle()
    assert.deepEqual(ahead.told, ['a@3'])
  })

  it('what changes during a fetch is fetched after it', async () => {
    const past = new Past()
    past.change('a')
    const feed = new ChangeFeed(past)
    const watcher = recording('', 0n)
    feed.add(watcher)
    past.change('b')
    feed.handleChange()
    await past.settle()
    assert.deepEqual(watcher.told, ['a@1', 'b@2'])
  })

  it('says reset to who is behind what is kept, and to who is ahead', async () => {
    const past = new Past()
    for (let i = 0; i < 5; i += 1) past.change('a')
    past.floor = 3n
    const feed = new ChangeFeed(past)
    const [behind, ahead, fits] = [recording('', 2n), recording('', 9n), recording('', 3n)]
    for (const watcher of [behind, ahead, fits]) feed.add(watcher)
    await past.settle()
    assert.deepEqual([behind.told, ahead.told, fits.told], [['reset'], ['reset'], ['a@4', 'a@5']])
  })

  it('says reset to everyone when the schema was made anew', async () => {
    const past = new Past()
    const feed = new ChangeFeed(past)
    const watcher = recording('', 0n)
    feed.add(watcher)
    await past.settle()
    past.storeId = 'two'
    feed.handleTick('two', 0n)
    await past.settle()
    assert.deepEqual(watcher.told, ['reset'])
  })

  it('a tick that shows nothing new fetches nothing', async () => {
    const past = new Past()
    past.change('a')
    const feed = new ChangeFeed(past)
    feed.add(recording('', 1n))
    await past.settle()
    const before = past.fetches.length
    feed.handleTick('one', 1n)
    await past.settle()
    assert.equal(past.fetches.length, before)
  })

  it('goes on after a fetch that failed, from where it was', async () => {
    const past = new Past()
    past.change('a')
    let isAway = true
    const feed = new ChangeFeed({
      fetch: (from) => (isAway ? Promise.reject(new Error('away')) : past.fetch(from)),
    })
    const watcher = recording('', 0n)
    feed.add(watcher)
    await past.settle()
    isAway = false
    feed.handleTick('one', 1n)
    await past.settle()
    assert.deepEqual(watcher.told, ['a@1'])
  })

  it('tells nobody who has left meanwhile, by his own or another’s hand', async () => {
    const past = new Past()
    past.change('a')
    const feed = new ChangeFeed(past)
    const second = recording('', 0n)
    const first = { prefix: '', rev: 0n, on: () => feed.remove(second) }
    const gone = recording('', 0n)
    for (const watcher of [first, second, gone]) feed.add(watcher)
    feed.remove(gone)
    await past.settle()
    assert.deepEqual([second.told, gone.told], [[], []])
  })
})
