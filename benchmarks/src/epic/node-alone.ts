// A node by itself in this process: the runtime as `epic run` uses it, without a supervisor around it.

import type { StateStore } from '@epicserver/contracts'
import { EntityNode, SoloRouter, systemClock, type Pool } from '@epicserver/runtime'
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'
import { entities } from './counters.ts'

export interface NodeAlone {
  readonly node: EntityNode
  readonly pool: Pool<typeof entities>
}

export function startNodeAlone(
  store: StateStore = new MemoryStateStore({ disk: new MemoryDisk() }),
): NodeAlone {
  const node = new EntityNode({
    nodeId: 'bench',
    entities,
    mode: 'production',
    ports: {
      clock: systemClock,
      random: Math.random,
      store,
      router: new SoloRouter(Math.floor(Date.now() / 1000)),
      files: { perform: () => Promise.reject(new Error('A bench has no files')) },
      log: (level, message, facts) => {
        if (level !== 'debug') console.error(level, message, facts)
      },
    },
  })
  return { node, pool: node.pool as unknown as Pool<typeof entities> }
}
