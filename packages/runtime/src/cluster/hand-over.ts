/**
 * Partitions that come and go: their part of the store is opened before anything of them runs, and closed after all has stopped.
 *
 * What lives in a partition that goes is treated by what it would lose. An entity that the store can bring back whole is put away
 * when its turns have ended; its next call finds it at its new home. One that has timers, is in memory only, has sent what still
 * waits here for its way, or is busy for longer than others should wait for, goes on here as a guest of the new owner, to be
 * moved there as it is. One that is on its way in or out stays what it is: its next owner decides.
 *
 * A node may hold very many entities: those that are concerned are looked for a slice at a time, once, and calls go on in between.
 *
 * Store work is done one piece after the other, so that a partition is never closed before it was opened.
 */
import { EpicError, partitionOf } from '@epicserver/contracts'
import type { ClusterMember, Resident } from '@epicserver/fabric'
import type { Activation, EntityType } from '@epicserver/kernel'
import type { ClusterRouter } from './cluster-router.ts'
import type { Confirmations } from './confirmations.ts'
import { RUNTIME_LIMITS } from '../limits.ts'
import type { Log } from '../log.ts'
import { hasHeldCalls } from '../node/held-calls.ts'
import type { EntityNode } from '../node/node.ts'
import { keyOf, type Residence } from './residence.ts'
import type { PartitionStore } from './routed-store.ts'
import { inSlices, type SliceOptions } from './slices.ts'
import { pause } from '../node/pause.ts'

export interface HandOverParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly router: ClusterRouter
  readonly residence: Residence
  readonly confirmations: Confirmations
  readonly store: Pick<PartitionStore, 'acquire' | 'release'>
  readonly log: Log
  readonly pump: () => void
  /** These go on here as guests. */
  readonly onStaying: (guests: readonly Resident[]) => void
  /** A partition could not be opened or closed: the node cannot go on. */
  readonly fail: () => void
}

/** What ended here has sent something that may not be heard yet: then its partition waits, but not for long. */
const UNHEARD_MS_MAX = 100

const LOOKS_BETWEEN_CLOCKS = 256
/** To put one away costs some microseconds, at once and soon after. */
const RETIRED_BETWEEN_CLOCKS = 16
/** Looking at what has still to end takes a fifth of the time at most. */
const LOOKS_SHARE = 4

export class HandOver {
  readonly #parts: HandOverParts
  #work: Promise<void> = Promise.resolve()

  constructor(parts: HandOverParts) {
    this.#parts = parts
  }

  gain(partitions: readonly number[], epoch: number): void {
    this.#afterWork(async () => {
      const { member, node, router, store, log } = this.#parts
      const startedAt = this.#now()
      await store.acquire(partitions, epoch)
      log.debug('partitions are open', {
        count: partitions.length,
        epoch,
        openedInMs: this.#now() - startedAt,
      })
      if (node.isClosed) return
      router.setReady(
        partitions.filter((partition) => member.isServing(partition)),
        true,
      )
      node.indexes.request()
    })
  }

  lose(partitions: readonly number[], viewNo: number): void {
    const { member, node, router, residence, confirmations, store, pump } = this.#parts
    const lost = new Set(partitions)
    router.setReady(partitions, false)
    this.#afterWork(async () => {
      const found = await this.#find(lost)
      const left = (): Activation[] => found.filter(({ state }) => state !== 'gone')
      await confirmations.hear(found, UNHEARD_MS_MAX)
      const until = this.#now() + node.limits.handOverGraceMs
      await this.quiet((each) => !this.#staysAsIs(each, this.#now() >= until), left)
      await Promise.all([store.release(partitions), confirmations.hearEnded(UNHEARD_MS_MAX)])
      if (node.isClosed) return
      const guests = left()
        .filter((each) => !residence.isUndecided(each))
        .map((each) => residentOf(each))
      member.ackLost(viewNo, this.#now(), guests)
      pump()
      this.#parts.onStaying(guests)
    })
  }

  /** Resolves when all partitions that have come or gone so far are open or closed. */
  settled(): Promise<void> {
    return this.#work
  }

  /** Puts the chosen activations away, of those given: waits for their turns, a while, then ends them. */
  async quiet(
    isChosen: (activation: Activation) => boolean,
    among: () => readonly Activation[] = () => activationsOf(this.#parts.node),
  ): Promise<void> {
    const { node } = this.#parts
    const until = this.#now() + RUNTIME_LIMITS.stopGraceMs
    for (;;) {
      const lookedAt = this.#now()
      const left = among().filter((activation) => isChosen(activation))
      if (left.length === 0 || node.isClosed) return
      const isOver = this.#now() >= until
      // Of very many each look takes its time, in which nothing else gets on.
      const pauseMs = Math.max(1, LOOKS_SHARE * (this.#now() - lookedAt))
      await inSlices(left, this.#slices(RETIRED_BETWEEN_CLOCKS), (activation) => {
        if (!isChosen(activation)) return
        if (isOver) node.durability.lose(activation, tookTooLong(activation))
        else node.kernel.retire(activation, 'moving')
        // What is put away ends in the slice in which it was asked to.
        node.scheduleDrain()
      })
      await pause(node.ports.clock, pauseMs)
    }
  }

  /** What lives here of partitions that are lost; no more can come, since calls for them are held already. */
  async #find(lost: ReadonlySet<number>): Promise<Activation[]> {
    const { node } = this.#parts
    const found: Activation[] = []
    for (const type of node.kernel.types.values()) {
      if (!hasHome(node, type)) continue
      const among = type.activations.values()
      await inSlices(among, this.#slices(LOOKS_BETWEEN_CLOCKS), (activation) => {
        if (lost.has(homeOf(activation))) found.push(activation)
      })
    }
    return found
  }

  #slices(visitsBetweenLooks: number): SliceOptions {
    return { clock: this.#parts.node.ports.clock, visitsBetweenLooks }
  }

  /** Whether an activation goes on here although its home goes to another node. */
  #staysAsIs(activation: Activation, isLate: boolean): boolean {
    const { node, residence } = this.#parts
    if (residence.isOnTheMove(activation)) return true
    const isHeard = this.#parts.confirmations.isHeard(activation)
    if (isHeard && !mustGoOn(activation) && !isLate) return false
    // It was to come to rest, and is busy for too long or has set a timer since.
    if (activation.state === 'draining') node.kernel.handleStayed(activation)
    return activation.state === 'active'
  }

  #afterWork(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#parts.log.error('a partition could not be opened or closed; this node stops', { error })
      this.#parts.fail()
    })
  }

  #now(): number {
    return this.#parts.node.ports.clock.monotonicMs()
  }
}

/**
 * Whether something of the entity would be lost if it were put away, or overtaken: what it has sent may wait for those who wait for this
 * hand-over.
 */
function mustGoOn(activation: Activation): boolean {
  const { timers, type } = activation
  return timers !== null || type.plan.durability === 'none' || hasHeldCalls(activation)
}

/** Entities that may be anywhere are where they are called from. */
function hasHome(node: EntityNode, type: EntityType): boolean {
  return node.description(type.plan.name).placement !== 'anywhere'
}

function homeOf({ type, id }: Activation): number {
  return partitionOf(type.plan.name, id)
}

function residentOf(activation: Activation): Resident {
  return { key: keyOf(activation), partition: homeOf(activation), epoch: activation.epoch }
}

function tookTooLong({ type, id }: Activation): EpicError {
  return new EpicError(
    'Fenced',
    `Cannot finish what "${type.plan.name}/${id}" was doing: its partition goes to another node`,
  )
}

function activationsOf(node: EntityNode): Activation[] {
  return [...node.kernel.types.values()].flatMap((type) => [...type.activations.values()])
}
