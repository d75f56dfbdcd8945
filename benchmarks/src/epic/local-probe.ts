// Ours: calls to entities of the same process.

import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'
import { startNodeAlone } from './node-alone.ts'

const { pool } = startNodeAlone()
const counters = Array.from({ length: 1_000 }, (_, i) => pool.Counter[i]!)
const saved = Array.from({ length: 1_000 }, (_, i) => pool.SavedCounter[i]!)

serveProbe((load) =>
  load.operation === 'read-saved'
    ? runClosedLoop((target) => saved[target]!.read(), load)
    : runClosedLoop((target) => counters[target]!.increment(1), load),
)
