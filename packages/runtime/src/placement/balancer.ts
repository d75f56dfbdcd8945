/**
 * Moves entities to where they should be, a few in each round: away from a node that has too much to do, and to where their
 * partners are.
 *
 * What to move is the fabric's to say (`planRebalance`, `planLocality`): pure functions of the view, of all members' loads and of this
 * node's samples. Each node plans for what lives on it. Load goes first: in a round that relieves a node nothing moves for company. After
 * it, loads are measured anew before it is done again.
 *
 * `foresee` asks the same planners what the coming rounds would do, and moves nothing.
 *
 * What bounds it: so many moves a round, so many at a time, and nothing that has just come. A node that is well (`WELL_SCORE`) is left as
 * it is. Each round that moved something is one line of the log.
 */
import { parseEntityId } from '@epicserver/contracts'
import {
  memberOf,
  NO_LOAD,
  planLocality,
  planRebalance,
  type ClusterMember,
  type EntityKey,
  type Load,
  type LocalityInput,
  type Movable,
  type PlannedMove,
  type RebalanceInput,
  type Talk,
} from '@epicserver/fabric'
import type { Residence } from '../cluster/residence.ts'
import type { EntityNode, NodeRequest } from '../node/node.ts'
import type { Pending } from '../node/ports.ts'
import { heaviestOf, type Foresight } from './foresight.ts'
import type { BalancePace } from './balance-options.ts'
import type { Companions } from './companions.ts'
import type { LoadMeter } from './load-meter.ts'
import type { Sampler } from './sampler.ts'
import type { Weighed } from './samples.ts'
import { TalkExchange } from './talk-exchange.ts'

export interface BalancerParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly residence: Residence
  readonly companions: Companions
  readonly loadMeter: LoadMeter
  readonly sampler: Sampler
}

/** What a round moves, and what for. */
interface Step {
  readonly why: 'load' | 'talk'
  readonly moves: readonly PlannedMove[]
}

/** How busy a node is, and what it has moved since its start. */
export interface Balance {
  readonly load: Load
  /** Entities that went to nodes with less to do, and to those with whom they talk. */
  readonly movedForLoad: number
  readonly movedForTalk: number
}

/** Planning is quick for so many; beyond the heaviest there is little to win. */
const PLANNED_MAX = 1_000

/** Rounds after one that relieved this node in which its load is only measured. */
const MEASURING_ROUNDS = 2

export class Balancer {
  readonly #parts: BalancerParts
  readonly #pace: BalancePace
  readonly #talk: TalkExchange
  #forLoad = 0
  #forTalk = 0
  #measuringRounds = 0
  #isMoving = false
  #next: Pending | undefined
  #nextAt = 0

  constructor(parts: BalancerParts, pace: BalancePace) {
    this.#parts = parts
    this.#pace = pace
    this.#talk = new TalkExchange(parts.node, pace.everyMs)
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return this.#talk.requests
  }

  get state(): Balance {
    const { load = NO_LOAD } = this.#parts.loadMeter
    return { load, movedForLoad: this.#forLoad, movedForTalk: this.#forTalk }
  }

  /** Begins, unless it is switched off. */
  start(isCpuCounted: boolean): void {
    if (this.#pace.everyMs === 0) return
    this.#parts.sampler.start(isCpuCounted)
    this.#arm()
  }

  /** What the first of the coming rounds that moves anything would move, if nothing changed until then. */
  foresee(): Foresight {
    const { node, sampler } = this.#parts
    const { everyMs } = this.#pace
    const nothing = { node: node.nodeId, inMs: 0, count: 0, heaviest: [] }
    const input = this.#input()
    if (everyMs === 0) return { ...nothing, why: 'off' }
    if (input === undefined) return { ...nothing, why: 'settled' }
    const said = sampler.samples.talks(everyMs)
    // By then each node has been paired with each other, in both directions.
    const rounds = Math.max(MEASURING_ROUNDS + 1, 2 * input.view.members.length)
    for (let ahead = 0; ahead < rounds; ahead += 1) {
      const inMs = Math.max(0, this.#nextAt - node.ports.clock.monotonicMs()) + ahead * everyMs
      const movables = input.movables.map((each) => ({ ...each, sinceMs: each.sinceMs + inMs }))
      const isMeasuring = this.#measuringRounds > ahead
      const { why, moves } = this.#stepOf({ ...input, movables }, said, { inMs, isMeasuring })
      const heaviest = heaviestOf(moves, input.movables, this.#pace.rebalance.capacity)
      if (moves.length > 0) return { ...nothing, why, inMs, count: moves.length, heaviest }
    }
    return { ...nothing, why: 'settled' }
  }

  stop(): void {
    this.#next?.cancel()
    this.#parts.sampler.stop()
  }

  #arm(): void {
    const { clock } = this.#parts.node.ports
    this.#nextAt = clock.monotonicMs() + this.#pace.everyMs
    this.#next = clock.setTimer(() => {
      this.#round()
      this.#arm()
    }, this.#pace.everyMs)
  }

  #round(): void {
    const { samples } = this.#parts.sampler
    const said = samples.talks(this.#pace.everyMs)
    this.#talk.tell(said)
    const input = this.#isMoving ? undefined : this.#input()
    if (input !== undefined) this.#plan(input, said)
    samples.fade()
  }

  /** What a plan rests on; none, where this node may move nothing. */
  #input(): RebalanceInput | undefined {
    const { view, nodeId: self = '', loads } = this.#parts.member
    if (view === undefined || memberOf(view, self)?.state !== 'active') return undefined
    return { self, view, loads: loads.all, movables: this.#movables() }
  }

  #plan(input: RebalanceInput, said: readonly Talk[]): void {
    const isMeasuring = this.#measuringRounds > 0
    if (isMeasuring) this.#measuringRounds -= 1
    const step = this.#stepOf(input, said, { inMs: 0, isMeasuring })
    if (step.moves.length === 0) return
    if (step.why === 'load') this.#measuringRounds = MEASURING_ROUNDS
    void this.#perform(step)
  }

  /** What a round would move that comes in so long. */
  #stepOf(
    input: RebalanceInput,
    said: readonly Talk[],
    { inMs, isMeasuring }: { readonly inMs: number; readonly isMeasuring: boolean },
  ): Step {
    const { rebalance, locality } = this.#pace
    const relief = isMeasuring ? [] : planRebalance(input, rebalance)
    if (relief.length > 0) return { why: 'load', moves: relief }
    return { why: 'talk', moves: planLocality(this.#withTalks(input, said, inMs), locality) }
  }

  /** What lives here and may be moved: the heaviest of it. */
  #movables(): Movable[] {
    const { loadMeter, residence, sampler } = this.#parts
    const { load } = loadMeter
    if (load === undefined) return []
    return sampler.samples
      .weigh(load, this.#pace.everyMs)
      .filter(({ activation }) => !residence.isOnTheMove(activation))
      .toSorted((a, b) => b.load.cpu - a.load.cpu || b.load.messages - a.load.messages)
      .slice(0, PLANNED_MAX)
      .flatMap((weighed) => this.#movable(weighed) ?? [])
  }

  #movable({ activation, key, load, sinceMs }: Weighed): Movable | undefined {
    const { node, companions } = this.#parts
    const group = companions.leaderOf(activation)
    const type = group === undefined ? activation.type.plan.name : parseEntityId(group).type
    const { placement } = node.description(type)
    if (placement === 'anywhere') return undefined
    const label =
      typeof placement === 'object' && 'label' in placement ? placement.label : undefined
    return {
      ...{ key, load, sinceMs },
      ...(group !== undefined && { group }),
      ...(label !== undefined && { label }),
    }
  }

  #withTalks(input: RebalanceInput, said: readonly Talk[], inMs: number): LocalityInput {
    const { node, residence } = this.#parts
    const round = Math.floor((node.ports.clock.wallMs() + inMs) / this.#pace.everyMs)
    // A partner may have come here since it was last heard of.
    const talks = [...said, ...this.#talk.heard()].map((talk) =>
      talk.at !== input.self && residence.find(talk.with)?.state === 'active'
        ? { ...talk, at: input.self }
        : talk,
    )
    return { ...input, talks, round }
  }

  /** Moves what is planned, some at a time. */
  async #perform({ moves, why }: Step): Promise<void> {
    const { node } = this.#parts
    const startedAt = node.ports.clock.monotonicMs()
    const left = this.#led(moves)
    const planned = left.length
    let moved = 0
    const work = async (): Promise<void> => {
      for (let move = left.shift(); move !== undefined; move = left.shift())
        if (await this.#move(move)) moved += 1
    }
    this.#isMoving = true
    await Promise.all(Array.from({ length: node.limits.movesAtOnceMax }, work))
    this.#isMoving = false
    if (why === 'load') this.#forLoad += moved
    else this.#forTalk += moved
    const tookMs = Math.round(node.ports.clock.monotonicMs() - startedAt)
    node.log.info(
      why === 'load'
        ? 'entities moved to nodes that have less to do'
        : 'entities moved to those with whom they talk',
      { moved, stayed: planned - moved, tookMs },
    )
  }

  /** Of a group whose leader is here only the leader is moved: the others follow it, also those of whom no sample tells. */
  #led(moves: readonly PlannedMove[]): PlannedMove[] {
    const { companions, residence } = this.#parts
    const led = new Map<EntityKey, PlannedMove>()
    for (const { key, target } of moves) {
      const activation = residence.find(key)
      const leader = activation && companions.leaderOf(activation)
      const isHere = leader !== undefined && residence.find(leader)?.state === 'active'
      const first = isHere ? leader : key
      led.set(first, { key: first, target })
    }
    return [...led.values()]
  }

  async #move({ key, target }: PlannedMove): Promise<boolean> {
    const { node, residence } = this.#parts
    const activation = residence.find(key)
    const canGo = activation?.state === 'active' && !residence.isOnTheMove(activation)
    if (!canGo || node.isClosed) return false
    const { status } = await residence.departures.begin(key, activation, target)
    return status === 'moved'
  }
}
