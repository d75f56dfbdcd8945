/** Who changes the cluster while it works: machines come and go, are emptied and filled, and entities are moved about. */
import type { ClusterClasses } from './app.ts'
import { below, COUNTERS, COURIERS, GUARDS, MEMORIES, type ClusterWorld } from './clients.ts'

/** Machines that are never told to leave: a cluster of nobody answers nobody. */
const STAYING = 2

const MOVED: readonly (readonly [type: keyof ClusterClasses, count: number])[] = [
  ['Counter', COUNTERS],
  ['Courier', COURIERS],
  ['Recipient', COURIERS],
  ['Guard', GUARDS],
  ['Memory', MEMORIES],
]

/** Lets machines join, leave, drain and take part again. */
export async function runOperator(world: ClusterWorld, until: number): Promise<void> {
  const deeds = [
    (host: string) => world.restart(host),
    (host: string) => world.leave(host),
    (host: string) => world.drain(host),
    (host: string) => world.activate(host),
  ]
  while (world.now < until) {
    await world.run({ ms: 500 + world.random() * 4_000 })
    const host = world.hosts[STAYING + below(world, world.hosts.length - STAYING)]
    if (host !== undefined) deeds[below(world, deeds.length)]?.(host)
  }
}

/** Moves one entity after the other, to any machine. */
export async function runMover(world: ClusterWorld, until: number): Promise<void> {
  while (world.now < until) {
    await world.run({ ms: world.random() * 800 })
    const [type, count] = MOVED[below(world, MOVED.length)] as (typeof MOVED)[number]
    const host = world.hosts[below(world, world.hosts.length)] as string
    await world.move({ type, id: String(below(world, count)) }, host)
  }
}
