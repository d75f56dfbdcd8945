/**
 * Some nodes of one cluster in one process: real nodes over a cluster store in memory, one disk, and a network in memory that a test
 * can cut, hold up and feed. Time stands still unless the test moves it.
 */
import assert from 'node:assert/strict'
import type { StateStore } from '@epicserver/contracts'
import { MemoryCluster } from '@epicserver/cluster-memory'
import {
  type BalanceOptions,
  ClusterNode,
  type EntityClasses,
  type EntityNode,
  type PartitionStore,
  type PeerChannel,
  type PeerChannelEvents,
  type PeerLane,
  type PeerNetwork,
  type Pool,
} from '@epicserver/runtime'
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'
import { ManualClock, quiet, type LogLine } from './rig.ts'

const TTL_MS = 2_000

/** Batches between nodes. What is sent arrives in a later turn of the event loop, unless the test keeps it. */
export class MemoryNetwork {
  readonly #ports = new Map<string, (from: string, channel: PeerChannel) => PeerChannelEvents>()
  readonly #channels = new Set<MemoryChannel>()
  /** Looks at each batch before it arrives: `false` loses it, with its channel still open. */
  filter: (batch: {
    readonly from: string
    readonly to: string
    readonly lane: PeerLane | 'unreliable'
    readonly bytes: Uint8Array
  }) => boolean = () => true
  /** Batches that wait, by the way on which. */
  readonly #heldUp = new Map<string, (() => void)[]>()
  /** How many bytes a channel says that it has not sent. */
  backlogBytes = 0
  /** Under which keys messages that may be lost were sent. */
  readonly unreliableKeys: (string | undefined)[] = []
  /** How many channels nodes have tried to open. */
  opens = 0
  /** By which nodes prove themselves on channels that they open now. */
  #secretId = 'first'

  portOf(nodeId: string): PeerNetwork {
    return {
      open: (to, _address, events) => this.#open(nodeId, to, events),
      listen: (accept) => void this.#ports.set(nodeId, accept),
      close: () => {
        this.#ports.delete(nodeId)
        this.cut(nodeId)
      },
    }
  }

  /** Nodes prove themselves by another secret from now on; channels that stand by the old one are to be replaced. */
  exchangeSecret(secretId: string): void {
    this.#secretId = secretId
    for (const channel of [...this.#channels]) channel.events?.onStale?.()
  }

  /** By which secrets channels stand. */
  get secretsInUse(): ReadonlySet<string> {
    return new Set([...this.#channels].map((channel) => channel.secretId))
  }

  get secretId(): string {
    return this.#secretId
  }

  /** From now on what one node sends another in a lane waits, in order, until the function is called that is returned. */
  holdUp(from: string, to: string, lane: PeerLane): () => void {
    const way = `${from} ${to} ${lane}`
    this.#heldUp.set(way, [])
    return () => {
      const held = this.#heldUp.get(way) ?? []
      this.#heldUp.delete(way)
      for (const deliver of held) deliver()
    }
  }

  /** Brings a batch to the other side, or keeps it on its way. */
  bring(way: string, deliver: () => void): void {
    const held = this.#heldUp.get(way)
    if (held === undefined) deliver()
    else held.push(deliver)
  }

  /** Ends all channels of a node, both ways. */
  cut(nodeId: string): void {
    for (const channel of this.#channels) {
      if (channel.from !== nodeId && channel.to !== nodeId) continue
      channel.end('cut')
    }
  }

  /** Opens a channel as a node that is none, and returns what a test may send and has received. */
  stranger(
    from: string,
    to: string,
  ): { readonly channel: PeerChannel; readonly received: Uint8Array[]; isClosed: boolean } {
    const seen = { received: [] as Uint8Array[], isClosed: false }
    const channel = this.#open(from, to, {
      onBatch: (bytes) => void seen.received.push(bytes.slice()),
      onClose: () => (seen.isClosed = true),
    })
    return Object.assign(seen, { channel })
  }

  #open(from: string, to: string, events: PeerChannelEvents): PeerChannel {
    this.opens += 1
    const near = new MemoryChannel(this, from, to, this.#channels)
    near.events = events
    setImmediate(() => {
      const accept = this.#ports.get(to)
      if (accept === undefined) {
        near.end('nobody listens')
        return
      }
      const far = new MemoryChannel(this, to, from, this.#channels)
      near.other = far
      far.other = near
      far.events = accept(from, far)
      events.onOpen?.()
    })
    return near
  }
}

class MemoryChannel implements PeerChannel {
  readonly from: string
  readonly to: string
  readonly secretId: string
  readonly #network: MemoryNetwork
  readonly #all: Set<MemoryChannel>
  other: MemoryChannel | undefined
  events: PeerChannelEvents | undefined
  #isEnded = false

  constructor(network: MemoryNetwork, from: string, to: string, all: Set<MemoryChannel>) {
    this.#network = network
    this.from = from
    this.to = to
    this.secretId = network.secretId
    this.#all = all
    all.add(this)
  }

  backlogBytes(): number {
    return this.#network.backlogBytes
  }

  sendUnreliable(message: Uint8Array, key: string | undefined): void {
    this.#network.unreliableKeys.push(key)
    this.send('unreliable', message)
  }

  send(lane: PeerLane | 'unreliable', bytes: Uint8Array): void {
    if (this.#isEnded) return
    const { from, to } = this
    const deliver = (): void => {
      const { other } = this
      if (other === undefined || other.#isEnded) return
      if (this.#network.filter({ from, to, lane, bytes })) other.events?.onBatch(bytes)
    }
    setImmediate(() => this.#network.bring(`${from} ${to} ${lane}`, deliver))
  }

  close(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#all.delete(this)
    setImmediate(() => this.other?.end('the other side closed'))
  }

  end(reason: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#all.delete(this)
    this.events?.onClose(reason)
    this.other?.end(reason)
  }
}

export interface Member<T extends EntityClasses> {
  readonly cluster: ClusterNode
  readonly node: EntityNode
  readonly pool: Pool<T>
  readonly log: LogLine[]
  /** Set when the node is finished. */
  fenced: string | undefined
}

export interface PairRig<T extends EntityClasses> {
  readonly members: readonly Member<T>[]
  readonly network: MemoryNetwork
  readonly clock: ManualClock
  readonly disk: MemoryDisk
  readonly engine: MemoryCluster
  /** Adds a node, and waits until all partitions are served. */
  join(options?: JoinOptions): Promise<Member<T>>
  /** Moves time until the condition holds. */
  until(condition: () => boolean, what: string): Promise<void>
  /** The n-th id whose home is this node now. */
  idAt(member: Member<T>, type: keyof T & string, n?: number): string
  close(): void
}

export interface JoinOptions {
  readonly wrap?: (store: StateStore) => StateStore
  readonly partitions?: PartitionStore
  readonly mode?: 'development' | 'production'
  readonly labels?: readonly string[]
  /** Processor time that the node says it has used. */
  readonly cpuMs?: () => number
  readonly balance?: BalanceOptions
  /** Told when the node has joined; `join` itself waits until all partitions are served. */
  readonly onJoined?: (pool: Pool<EntityClasses>) => void
}

const NO_STORE_WORK: PartitionStore = {
  acquire: () => Promise.resolve(),
  release: () => Promise.resolve(),
}

/** A cluster of `count` nodes that serve everything. */
export async function pairRig<T extends EntityClasses>(
  entities: T,
  count = 2,
  optionsOf: (index: number) => JoinOptions = () => ({}),
): Promise<PairRig<T>> {
  const clock = new ManualClock()
  const disk = new MemoryDisk()
  const network = new MemoryNetwork()
  const engine = new MemoryCluster({ now: () => clock.monotonicMs() })
  const members: Member<T>[] = []
  const tick = (): void => {
    engine.handleTick(clock.monotonicMs())
    clock.setTimer(tick, 20)
  }
  tick()

  async function until(condition: () => boolean, what: string): Promise<void> {
    for (let i = 0; i < 2_000; i += 1) {
      await quiet()
      if (condition()) return
      await clock.advance(5)
    }
    assert.fail(`in ${2_000 * 5} ms this did not come about: ${what}`)
  }

  async function join({
    wrap,
    partitions = NO_STORE_WORK,
    mode = 'development',
    labels = [],
    cpuMs = () => 0,
    balance = {},
    onJoined,
  }: JoinOptions = {}): Promise<Member<T>> {
    const log: LogLine[] = []
    const store = new MemoryStateStore({ disk })
    const cluster = new ClusterNode({
      entities,
      mode,
      ports: {
        clock,
        random: () => 0.5,
        store: wrap?.(store) ?? store,
        files: { perform: () => Promise.reject(new Error('no files in this test')) },
        log: (level, message, facts) => void log.push({ level, message, facts }),
      },
      clusterStore: engine.connect(),
      partitions,
      network: (nodeId) => network.portOf(nodeId),
      address: `memory-${members.length}`,
      labels,
      boot: () => 'boot',
      cpuMs,
      balance,
      appVersion: '1',
      ttlMs: TTL_MS,
      member: { movesMax: 1024 },
      onFenced: (reason) => (member.fenced = reason),
    })
    const member = { cluster, log, fenced: undefined as string | undefined } as Member<T>
    let node: EntityNode | undefined
    void cluster.start().then((started) => {
      node = started
      onJoined?.(started.pool)
    })
    await until(() => node !== undefined, 'a node joins')
    Object.assign(member, { node, pool: node?.pool })
    members.push(member)
    await until(() => isSettled(members), 'all partitions are served')
    return member
  }

  for (let i = 0; i < count; i += 1) await join(optionsOf(i))
  return {
    members,
    network,
    clock,
    disk,
    engine,
    join,
    until,
    idAt: (member, type, n = 0) => {
      let left = n
      for (let i = 0; ; i += 1) {
        if (!member.node.ports.router.isHome(member.node.refTo(type, `e${i}`))) continue
        if (left === 0) return `e${i}`
        left -= 1
      }
    },
    close: () => {
      for (const { cluster } of members) cluster.kill()
    },
  }
}

/** Whether each partition is served by one node, and the load is spread. */
function isSettled<T extends EntityClasses>(members: readonly Member<T>[]): boolean {
  const alive = members.filter(({ fenced }) => fenced === undefined)
  const served = alive.map(({ node }) => countServed(node))
  return (
    served.reduce((sum, count) => sum + count, 0) === 1024 && served.every((count) => count > 0)
  )
}

function countServed(node: EntityNode): number {
  let count = 0
  for (let partition = 0; partition < 1024; partition += 1)
    if (node.ports.router.isReady(partition)) count += 1
  return count
}
