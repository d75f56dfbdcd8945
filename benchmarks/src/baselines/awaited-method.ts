// Baseline: a method of an object, awaited. What a call costs before anyone makes it a message.

import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'

class Counter {
  #count = 0

  async increment(by: number): Promise<number> {
    this.#count += by
    return this.#count
  }
}

const counters = Array.from({ length: 1_000 }, () => new Counter())

serveProbe((load) => runClosedLoop((target) => (counters[target] as Counter).increment(1), load))
