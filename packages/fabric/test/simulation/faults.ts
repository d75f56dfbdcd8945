/** What goes wrong in the simulated world, one thing after another, each ended after a while. */
import type { SimNode } from './node.ts'
import type { World } from './world.ts'

type Fault = (world: World, node: SimNode) => void

/** Every kind of fault; a world draws from some of them. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  peerPartition(world) {
    const side = new Set(world.nodes.filter(() => world.random.chance(0.5)).map(({ name }) => name))
    cutPeers(world, (from, to) => side.has(from) !== side.has(to))
  },
  oneWayCut(world, node) {
    const isOutward = world.random.chance(0.5)
    cutPeers(world, (from, to) => (isOutward ? from : to) === node.name)
  },
  engineCut(world, node) {
    world.links.engineCuts.add(node.name)
    world.schedule.after(world.random.between(200, 8_000), () => {
      world.links.engineCuts.delete(node.name)
    })
  },
  engineOutage(world) {
    if (!world.engine.isUp) return
    const extendsLeases = world.random.chance(0.5)
    world.engine.goDown()
    world.schedule.after(world.random.between(100, 8_000), () =>
      world.engine.comeBack(extendsLeases),
    )
  },
  stop(world, node) {
    pause(world, node, 'stopped', world.random.between(50, 8_000))
  },
  suspend(world, node) {
    pause(world, node, 'suspended', world.random.between(50, 8_000))
  },
  /** Suspensions that are each too short to notice, while no renewal gets through. */
  doze(world, node) {
    world.links.engineCuts.add(node.name)
    for (let i = 0; i < 4; i += 1) {
      world.schedule.after(i * 1_000 + world.random.between(0, 300), () => {
        pause(world, node, 'suspended', world.random.between(300, 980))
      })
    }
    world.schedule.after(6_000, () => world.links.engineCuts.delete(node.name))
  },
  kill(world, node) {
    node.kill(world.random.chance(0.5))
    world.schedule.after(world.random.between(20, 3_000), () => node.start())
  },
  drain(world, node) {
    node.ask('drain')
    world.schedule.after(world.random.between(500, 6_000), () => node.ask('activate'))
  },
  leave(world, node) {
    node.ask('leave')
  },
  wallStep(world, node) {
    node.clock.stepWall(world.random.between(-3_000, 3_000))
  },
  diskTrouble(world) {
    const { weather } = world.links
    weather.diskUnknown = 0.3
    world.schedule.after(world.random.between(200, 3_000), () => {
      weather.diskUnknown = 0.02
    })
  },
}

/** Ends everything that is still going wrong. */
export function heal(world: World): void {
  world.links.engineCuts.clear()
  world.links.peerCuts.clear()
  world.links.weather = {
    loss: 0,
    duplication: 0,
    tail: 0,
    tailMs: 0,
    diskTail: 0,
    diskTailMs: 0,
    diskUnknown: 0,
  }
  if (!world.engine.isUp) world.engine.comeBack(true)
  for (const node of world.nodes) {
    node.resume()
    node.start()
    node.ask('activate')
  }
}

function pause(world: World, node: SimNode, how: 'stopped' | 'suspended', forMs: number): void {
  node.pause(how)
  world.schedule.after(forMs, () => node.resume())
}

function cutPeers(world: World, isCut: (from: string, to: string) => boolean): void {
  const cuts: string[] = []
  for (const from of world.nodes) {
    for (const to of world.nodes) {
      if (from !== to && isCut(from.name, to.name)) cuts.push(`${from.name}>${to.name}`)
    }
  }
  for (const cut of cuts) world.links.peerCuts.add(cut)
  world.schedule.after(world.random.between(100, 6_000), () => {
    for (const cut of cuts) world.links.peerCuts.delete(cut)
  })
}
