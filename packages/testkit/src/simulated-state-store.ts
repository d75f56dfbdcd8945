/**
 * The state store as a simulated process reaches it: a shared disk that outlives processes, behind a link that may delay, refuse,
 * or lose the answer.
 *
 * | fate of a request | done | the process is told |
 * | --- | --- | --- |
 * | `fine` | yes | the answer |
 * | `refused` | no | `Unavailable` or `StoreFull` |
 * | `lost` | no | `Unknown` |
 * | `unanswered` | yes | `Unknown` |
 * | `late` | some time after | `Unknown`, before it was done |
 *
 * A commit takes all that waits at that moment, as a group. A process that dies loses what waits, but for an unknown part that
 * the disk wrote in its last moment.
 */
import { EpicError, formatEntityId } from '@epicserver/contracts'
import type {
  Claimed,
  DueQuery,
  EntityId,
  Guard,
  IndexEntry,
  IndexStatus,
  Scan,
  ScanPage,
  StateStore,
  StoredRecord,
  Task,
  Write,
} from '@epicserver/contracts'
import { MemoryStateStore, type MemoryDisk } from '@epicserver/store-memory'
import type { CrashPoint } from './crash-points.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { VirtualTime } from './virtual-time.ts'

type Range = readonly [low: number, high: number]

/** How the disk and the way to it are at the moment. */
export interface StoreWeather {
  /** From a request to its commit. */
  commitMs: Range
  /** From the commit to the answer. */
  answerMs: Range
  /** Shares of the requests with these fates. */
  refused: number
  full: number
  lost: number
  unanswered: number
  late: number
}

export const FAIR_STORE: Readonly<StoreWeather> = {
  commitMs: [0.2, 1],
  answerMs: [0.01, 0.1],
  refused: 0,
  full: 0,
  lost: 0,
  unanswered: 0,
  late: 0,
}

type Fate = 'fine' | 'refused' | 'full' | 'lost' | 'unanswered' | 'late'

/** What all processes share. */
export interface StoreWorld {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly disk: MemoryDisk
  readonly weather: StoreWeather
  /** A fate other than `fine` befell a request. */
  readonly noteFate: (fate: string) => void
  /** For tests of the checkers: `noStoreGuard`, `storeForgets`. */
  readonly mutations: ReadonlySet<string>
}

/** The process that asks. */
export interface StoreClient {
  readonly isAlive: boolean
  /** Whether the process dies here; then it is dead already. */
  diesAt(point: CrashPoint): boolean
  /** Runs something in the process: now, when it goes on, or never. */
  answer(what: string, run: () => void): void
}

/** Told of what a store promised: see the checkers. */
export interface StoreWitness {
  /** A claim is made; what this returns is what its answer is judged by. */
  claimBegun(entity: EntityId): bigint
  claimed(entity: EntityId, claimed: Claimed, atLeast: bigint): void
  writeBegun(entity: EntityId, guard: Guard, write: Write): void
  /** The store has said that it is durable. */
  written(entity: EntityId, guard: Guard, version: bigint): void
  removed(entity: EntityId): void
}

const LATE_MS: Range = [1, 3_000]

export class SimulatedStateStore implements StateStore {
  readonly #world: StoreWorld
  readonly #client: StoreClient
  readonly #witness: StoreWitness
  readonly #inner: MemoryStateStore

  constructor(world: StoreWorld, client: StoreClient, witness: StoreWitness) {
    this.#world = world
    this.#client = client
    this.#witness = witness
    this.#inner = new MemoryStateStore({ disk: world.disk, defer: (commit) => this.#defer(commit) })
  }

  claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    const request = (store: StateStore): Promise<Claimed> => {
      return store.claim(entity, this.#guarded(entity, { epoch, version: 0n }).epoch)
    }
    const atLeast = this.#witness.claimBegun(entity)
    return this.#ask(`claim ${formatEntityId(entity)}`, request, (claimed) => {
      this.#witness.claimed(entity, claimed, atLeast)
    })
  }

  read(entity: EntityId): Promise<StoredRecord | null> {
    return this.#ask(`read ${formatEntityId(entity)}`, (store) => store.read(entity))
  }

  write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    this.#witness.writeBegun(entity, guard, write)
    const request = (store: StateStore): Promise<bigint> => {
      if (this.#forgets()) return Promise.resolve(guard.version + 1n)
      return store.write(entity, this.#guarded(entity, guard), write)
    }
    return this.#ask(`write ${formatEntityId(entity)}`, request, (version) => {
      this.#witness.written(entity, guard, version)
    })
  }

  remove(entity: EntityId, guard: Guard): Promise<bigint> {
    const request = (store: StateStore): Promise<bigint> => store.remove(entity, guard)
    return this.#ask(`remove ${formatEntityId(entity)}`, request, () =>
      this.#witness.removed(entity),
    )
  }

  due(query: DueQuery): Promise<Task[]> {
    return this.#ask('due', (store) => store.due(query))
  }

  scan(scan: Scan): Promise<ScanPage> {
    return this.#ask(`scan ${scan.type}`, (store) => store.scan(scan))
  }

  indexes(type?: string): Promise<IndexStatus[]> {
    return this.#ask('indexes', (store) => store.indexes(type))
  }

  setIndex(status: IndexStatus): Promise<void> {
    return this.#ask('setIndex', (store) => store.setIndex(status))
  }

  dropIndex(type: string, index: string): Promise<void> {
    return this.#ask('dropIndex', (store) => store.dropIndex(type, index))
  }

  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): Promise<boolean> {
    return this.#ask('reindex', (store) => store.reindex(entity, version, indexes))
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  /** The guard as it is asked for; with a mutation, one that fits whatever is stored. */
  #guarded(entity: EntityId, guard: Guard): Guard {
    const { disk, mutations } = this.#world
    if (!mutations.has('noStoreGuard')) return guard
    const stored = disk.read(entity) ?? { epoch: 0n, version: 0n }
    return {
      epoch: stored.epoch > guard.epoch ? stored.epoch : guard.epoch,
      version: stored.version,
    }
  }

  #forgets(): boolean {
    const { mutations, random } = this.#world
    return mutations.has('storeForgets') && random.chance(0.01)
  }

  /** The process dies: what waits is lost, but for what the disk wrote in its last moment. */
  crash(): void {
    this.#inner.crash({ landed: this.#world.random.whole(0, this.#inner.waitingCount) })
  }

  #ask<T>(what: string, request: Request<T>, onAnswer?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#client.isAlive || this.#client.diesAt('storeBegun')) return
      const fate = this.#fate()
      if (fate !== 'fine') this.#world.noteFate(`store.${fate}`)
      const fail = (error: EpicError): void =>
        this.#answer(`${what}: ${error.code}`, () => reject(error))
      if (fate === 'refused')
        fail(new EpicError('Unavailable', `Cannot ${what}: the store does not answer`))
      else if (fate === 'full') fail(new EpicError('StoreFull', `Cannot ${what}: the disk is full`))
      else if (fate === 'lost') fail(unknown(what))
      else if (fate === 'late') {
        fail(unknown(what))
        this.#later(request)
      } else {
        request(this.#inner).then(
          (value) =>
            this.#answer(what, () =>
              this.#resolve(fate, value, { what, resolve, reject, onAnswer }),
            ),
          (error: Error) => this.#answer(`${what}: ${error.message}`, () => reject(error)),
        )
      }
    })
  }

  #resolve<T>(fate: Fate, value: T, { what, resolve, reject, onAnswer }: Answer<T>): void {
    if (fate === 'unanswered') {
      reject(unknown(what))
      return
    }
    onAnswer?.(value)
    resolve(value)
  }

  #answer(what: string, run: () => void): void {
    const { time, random, weather } = this.#world
    time.after(random.between(...weather.answerMs), () => this.#client.answer(what, run))
  }

  /** The request has left its process, and arrives when nobody expects it any more. */
  #later<T>(request: Request<T>): void {
    const { time, random, disk } = this.#world
    time.after(random.between(...LATE_MS), () => {
      // What becomes of it is what the simulation is about: nobody waits for the answer.
      request(new MemoryStateStore({ disk })).catch(() => undefined)
    })
  }

  #defer(commit: () => void): void {
    const { time, random, weather } = this.#world
    time.after(random.between(...weather.commitMs), () => {
      commit()
      if (this.#client.isAlive) this.#client.diesAt('storeApplied')
    })
  }

  #fate(): Fate {
    const { random, weather } = this.#world
    let left = random.next()
    for (const fate of ['refused', 'full', 'lost', 'unanswered', 'late'] as const) {
      left -= weather[fate]
      if (left < 0) return fate
    }
    return 'fine'
  }
}

type Request<T> = (store: StateStore) => Promise<T>

interface Answer<T> {
  readonly what: string
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  readonly onAnswer: ((value: T) => void) | undefined
}

function unknown(what: string): EpicError {
  return new EpicError('Unknown', `Cannot tell whether "${what}" was done: the answer was lost`)
}
