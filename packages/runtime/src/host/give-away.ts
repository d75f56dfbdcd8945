/**
 * Before a node of a cluster stops it gives its partitions and entities to those that stay: then nobody's call is on its way to it, or
 * waits for a lease, when it ends. It does not wait for ever, and not at all where nobody stays: when all machines are stopped at once
 * each looks again, and goes as soon as the others are leaving as well.
 */
import type { ClusterNode } from '../cluster/cluster-node.ts'

/** Partitions go an eighth at a time, four times a lease: twelve seconds with the usual lease. */
const PATIENCE_MS = 20_000
const LOOK_EVERY_MS = 100

export async function giveAway(cluster: ClusterNode): Promise<void> {
  if (!isAnyoneStaying(cluster)) return
  let isDrained = false
  void cluster.drain().then(() => (isDrained = true))
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_EVERY_MS) {
    if (isDrained || !isAnyoneStaying(cluster)) return
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS)
    })
  }
}

function isAnyoneStaying({ member }: ClusterNode): boolean {
  const members = member.view?.members ?? []
  return members.some(({ nodeId, state }) => nodeId !== member.nodeId && state === 'active')
}
