/**
 * A cluster in one seeded, virtual-time process: machines with clocks of their own, an engine, a disk, links, faults, callers and
 * a checker that looks after every event.
 *
 * First a time with faults, then all is healed, then a while without; at the end a real call to each id must be answered.
 */
import { assignPartitions } from '@epicserver/fabric'
import type { Assign, FenceReason, MemberOptions, Mutation } from '@epicserver/fabric'
import { BrokenInvariant } from '#src/assert.ts'
import { SimCaller } from './caller.ts'
import { Checker, Violation } from './checker.ts'
import { SimDisk } from './disk.ts'
import { SimEngine } from './engine.ts'
import { FAULTS, heal } from './faults.ts'
import { Links } from './links.ts'
import { SimNode } from './node.ts'
import { Random } from './random.ts'
import { Schedule } from './schedule.ts'

/** Rules that the model itself can break, beside those of the machine. */
export type SimMutation = 'noStoreEpoch' | 'dedupApart' | 'leasesRevive' | 'memoryKeptAfterUnknown'

/** What a run is asked for. */
export interface RunOptions {
  readonly seed: number
  readonly mutation?: Mutation | SimMutation
  readonly faultyMs?: number
  /** Is told what goes wrong, and who stops why. */
  readonly trace?: (line: string) => void
}

/** What came of a run. */
export interface RunResult {
  readonly seed: number
  readonly violation?: { readonly rule: string; readonly message: string; readonly atMs: number }
  readonly virtualMs: number
  readonly events: number
  readonly faults: Readonly<Record<string, number>>
  readonly answered: number
  readonly views: number
  readonly moves: number
}

const PARTITIONS = 8
const QUIET_MS = 30_000
const PROBE_MS = 5_000

/** Runs one world to its end, or to the first broken invariant. */
export function simulate(options: RunOptions): RunResult {
  return new World(options).run()
}

/** Everything there is in one run. */
export class World {
  readonly schedule: Schedule = new Schedule()
  readonly random: Random
  readonly checker: Checker = new Checker()
  readonly engine: SimEngine
  readonly disk: SimDisk
  readonly links: Links
  readonly nodes: readonly SimNode[]
  /** Entities that live at home. */
  readonly settled: readonly string[] = ['a', 'b', 'c']
  /** Entities that are placed and moved about. */
  readonly roaming: readonly string[] = ['d', 'e', 'f', 'g', 'h']
  /** Of these, entities that no store protects. */
  readonly unsaved: readonly string[] = ['g', 'h']
  readonly ids: readonly string[] = [...this.settled, ...this.roaming]
  readonly ttlMs: number
  readonly options: Partial<MemberOptions>
  readonly mutations: ReadonlySet<Mutation>
  readonly simMutations: ReadonlySet<string>
  /** Whether callers begin new calls. */
  isOpen = true
  /** Whether callers repeat what was not answered. */
  isAsking = true
  readonly #seed: number
  readonly #faultyMs: number
  readonly #stirMs: number
  readonly #trace: (line: string) => void
  readonly #faults: Record<string, number> = {}
  #events = 0
  #isFaulty = true

  constructor(options: RunOptions) {
    const random = new Random(options.seed)
    const mutation = options.mutation ?? ''
    const now = (): number => this.schedule.now
    this.random = random
    this.#seed = options.seed
    this.#trace = options.trace ?? ((): void => {})
    this.#faultyMs = options.faultyMs ?? 40_000
    this.mutations = new Set(mutation === '' ? [] : [mutation as Mutation])
    this.simMutations = new Set([mutation])
    this.ttlMs = random.pick([2_000, 3_000, 6_000])
    this.engine = new SimEngine({
      rate: random.between(0.95, 1.05),
      now,
      viewKey: 'cluster/view',
      checker: this.checker,
      doLeasesRevive: mutation === 'leasesRevive',
      onChange: () => this.links.handleChange(),
    })
    this.disk = new SimDisk({ checker: this.checker, isWithoutEpochs: mutation === 'noStoreEpoch' })
    // In some worlds everything moves all the time, and messages about it come late.
    const isRestless = random.chance(0.25)
    this.links = new Links(this.schedule, random, this.engine, {
      loss: random.pick([0, 0.01, 0.05]),
      duplication: random.pick([0, 0.02, 0.1]),
      tail: isRestless ? 0.3 : random.pick([0.01, 0.05, 0.2]),
      tailMs: isRestless ? 600 : random.pick([100, 2_400]),
      diskTail: random.pick([0, 0.05]),
      diskTailMs: 8_000,
      diskUnknown: random.pick([0, 0.02]),
    })
    const count = 3 + random.below(3)
    this.nodes = Array.from(
      { length: count },
      (_, i) => new SimNode(this, `m${i + 1}`, random.between(0.95, 1.05)),
    )
    this.#stirMs = isRestless ? 60 : random.pick([150, 1_000])
    this.options = {
      partitions: PARTITIONS,
      movesMax: 2,
      assign: this.#restless(isRestless ? 1 : random.pick([0.3, 0.8])),
      rebalanceEveryMs: isRestless ? 60 : random.pick([100, this.ttlMs / 8]),
      fallbackMs: 300,
    }
  }

  partitionOf(id: string): number {
    return id.charCodeAt(0) % PARTITIONS
  }

  run(): RunResult {
    let violation: RunResult['violation']
    try {
      this.#live()
    } catch (error) {
      violation = violationOf(error, this.schedule.now)
    }
    return {
      seed: this.#seed,
      ...(violation === undefined ? {} : { violation }),
      virtualMs: this.schedule.now,
      events: this.#events,
      faults: this.#faults,
      answered: this.checker.acknowledgedCount,
      views: this.checker.viewNo,
      moves: this.checker.moves,
    }
  }

  /** Carries something to whichever node holds a lease now. */
  sendToLease(from: string, lease: string, deliver: (node: SimNode) => void): void {
    const to = this.nodes.find((node) => node.lease === lease)
    if (to === undefined) return
    this.links.carry(from, to.name, () => {
      if (to.lease === lease) deliver(to)
    })
  }

  handleFence(node: SimNode, reason: FenceReason): void {
    this.note(`${node.name} stops: ${reason}`)
    this.schedule.after(this.random.between(10, 1_000), () => node.start())
  }

  handleDrained(node: SimNode): void {
    if (this.random.chance(0.5)) this.schedule.after(10, () => node.ask('leave'))
  }

  note(what: string): void {
    this.#trace(`${this.schedule.now.toFixed(1).padStart(9)} ${what}`)
  }

  #live(): void {
    for (const node of this.nodes) {
      this.schedule.after(this.random.between(0, 500), () => node.start())
    }
    for (let i = 0; i < 3; i += 1) new SimCaller(this, `c${i}`).start()
    this.#scheduleFaults()
    this.#scheduleMoves()
    this.#runUntil(this.#faultyMs)
    this.#isFaulty = false
    heal(this)
    this.#runUntil(this.#faultyMs + QUIET_MS)
    this.isOpen = false
    this.#probe()
    this.checker.checkSaved(
      this.ids.filter((id) => !this.unsaved.includes(id)),
      (id) => this.disk.log(id),
    )
  }

  #runUntil(untilMs: number): void {
    while (this.schedule.step(untilMs)) {
      this.#events += 1
      this.engine.handleTick()
      this.checker.checkNodes(this.nodes)
    }
  }

  #scheduleFaults(): void {
    const kinds = Object.keys(FAULTS).filter(() => this.random.chance(0.6))
    const meanMs = this.random.pick([400, 1_000, 2_500])
    const next = (): void => {
      if (!this.#isFaulty) return
      const kind = kinds.length === 0 ? undefined : this.random.pick(kinds)
      const fault = FAULTS[kind ?? '']
      if (kind !== undefined && fault !== undefined) {
        this.#faults[kind] = (this.#faults[kind] ?? 0) + 1
        const node = this.random.pick(this.nodes)
        this.note(`${kind} at ${node.name}`)
        fault(this, node)
      }
      this.schedule.after(this.random.between(0, 2 * meanMs), next)
    }
    this.schedule.after(2_000, next)
  }

  #scheduleMoves(): void {
    if (!this.isOpen) return
    for (const node of this.nodes) node.stir()
    this.schedule.after(this.random.between(0, this.#stirMs), () => this.#scheduleMoves())
  }

  /** A real call to each id: an answer is the only proof of life. */
  #probe(): void {
    const unanswered = new Set(this.ids)
    const prober = new SimCaller(this, 'probe')
    for (const id of this.ids) prober.call(id, 'append', () => unanswered.delete(id))
    this.#runUntil(this.schedule.now + PROBE_MS)
    this.isAsking = false
    if (unanswered.size === 0) return
    throw new Violation('I12', `no answer from ${[...unanswered].join(', ')}`)
  }

  /** Moves partitions about for no reason while there are faults. */
  #restless(probability: number): Assign {
    return (previous, members, options) => {
      const owners = assignPartitions(previous, members, options)
      const active = members.filter((member) => member.state === 'active')
      if (!this.#isFaulty || active.length === 0 || !this.random.chance(probability)) return owners
      const moved = this.random.below(owners.length)
      return owners.map((owner, p) => (p === moved ? this.random.pick(active).nodeId : owner))
    }
  }
}

/** What broke; the machines' own assertions count, anything else is a mistake of the simulation. */
function violationOf(error: unknown, atMs: number): NonNullable<RunResult['violation']> {
  if (error instanceof Violation) return { rule: error.rule, message: error.message, atMs }
  if (error instanceof BrokenInvariant) return { rule: 'assertion', message: error.message, atMs }
  throw error
}
