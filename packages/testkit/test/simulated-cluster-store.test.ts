import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WatchEvent } from '@epicserver/contracts'
import { SeededRandom } from '#src/seeded-random.ts'
import { SimulatedEngine } from '#src/simulated-cluster-store.ts'
import { VirtualTime } from '#src/virtual-time.ts'

/** An engine of one seed, one host that watches it, and the revisions that the host was told. */
class Bench {
  readonly time = new VirtualTime()
  readonly engine: SimulatedEngine
  readonly told: bigint[] = []

  constructor(seed: number) {
    this.engine = new SimulatedEngine(this.time, new SeededRandom(seed), () => undefined)
    this.#connect('watcher').watch('k', 0n, (events) => this.#note(events))
  }

  /** Writes a key every ten milliseconds. */
  write(times: number): void {
    const writer = this.#connect('writer')
    for (let i = 0; i < times; i += 1) {
      const put = { op: 'put', key: 'k', value: new Uint8Array() } as const
      this.time.after(10 * i, () => void writer.txn({ if: [], then: [put] }))
    }
  }

  async run(untilMs: number): Promise<void> {
    while (this.time.step(untilMs)) await Promise.resolve()
    this.time.pass(untilMs)
  }

  #connect(host: string): ReturnType<SimulatedEngine['connect']> {
    return this.engine.connect({
      host,
      isAlive: () => true,
      diesAt: () => false,
      answer: (_what, run) => run(),
    })
  }

  #note(events: readonly WatchEvent[] | 'reset'): void {
    assert.ok(events !== 'reset')
    for (const event of events) if (event.kind === 'put') this.told.push(event.rec.rev)
  }
}

describe('simulated engine: watch', () => {
  it('tells everything in order, also what a cut had held up', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const bench = new Bench(seed)
      bench.write(60)
      bench.engine.cut('watcher')
      bench.time.after(300, () => bench.engine.mend('watcher'))
      await bench.run(5_000)
      assert.equal(bench.told.length, 60, `seed ${seed}`)
      assert.deepEqual(
        bench.told,
        bench.told.toSorted((a, b) => (a < b ? -1 : 1)),
        `seed ${seed}`,
      )
    }
  })
})
