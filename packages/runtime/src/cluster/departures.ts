/**
 * Entities on their way out of this node: brought to rest between two turns, sealed, sent, and let go or taken up again.
 *
 * The fabric's movement says when each step is due; what happened is told to it. An entity goes on until its owner has prepared the
 * move, and then until it is at rest, but not for long; from then on it starts nothing new.
 * When its turns have ended, and what they sent has left, its hook runs; then it is sealed and all there is of it goes to the
 * target. Calls that come meanwhile wait for it, and follow when it has moved; timers stand still.
 *
 * An entity that stays after all goes on under the epoch that its owner gave. If it was sealed, the target may have claimed it:
 * so it is claimed anew first, and if its version is not the one that it had, the copy here is not trusted.
 */
import { EpicError, isEpicError, partitionOf, type EntityId } from '@epicserver/contracts'
import type {
  ClusterMember,
  EntityEffect,
  EntityKey,
  MoveFailure,
  NodeId,
} from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import type { Confirmations } from './confirmations.ts'
import { hasHeldCalls } from '../node/held-calls.ts'
import type { EntityNode } from '../node/node.ts'
import { sealEntity, type SealedEntity } from './sealed-entity.ts'
import { pause, within } from '../node/pause.ts'

/** What became of a move. */
export type MoveOutcome =
  /** It lives there; for so long it took no calls. */
  | {
      readonly status: 'moved'
      readonly node: NodeId
      readonly pauseMs: number
      /** Of the pause, how long it was on its way: from its last turn here to the word that it lives there. */
      readonly transferMs: number
    }
  /** It goes on where it was. */
  | { readonly status: 'stayed'; readonly node: NodeId; readonly why: MoveFailure }

export interface DeparturesParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly confirmations: Confirmations
  readonly pump: () => void
}

interface Departure {
  readonly key: EntityKey
  readonly activation: Activation
  readonly done: (outcome: MoveOutcome) => void
  step: 'preparing' | 'waiting' | 'resting' | 'leaving' | 'sealed' | 'staying'
  /** Since when it is waited for to come to rest by itself, and of which version it was then. */
  waitsSince: number
  versionThen: bigint
  /** Since when it takes no calls. */
  pausedAt: number
  sealedAt: number
  /** Ends when the entity's own code has said goodbye; never fails. */
  goodbye: Promise<void> | undefined
  /** Its owner has said that it stays. */
  isResuming: boolean
}

type EffectOf<K extends EntityEffect['kind']> = EntityEffect & { readonly kind: K }

/** What cannot be done yet is tried again after so long. */
const RETRY_MS = 10

/**
 * Most entities are at rest most of the time, however much they are called. So they are given time before their callers have to wait
 * for the move; where a disk is so slow that a second write has not ended by then, more.
 */
const NATURAL_REST_MS = 100
const SLOW_WRITES_MS = 1_000
const WRITES_WAITED_FOR = 2n
const LOOK_FOR_REST_MS = 1

/** It waits for no longer until what it has sent is heard. */
const UNHEARD_MS_MAX = 250

export class Departures {
  readonly #parts: DeparturesParts
  readonly #departures = new Map<EntityKey, Departure>()

  constructor(parts: DeparturesParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#departures.size
  }

  has(key: EntityKey): boolean {
    return this.#departures.has(key)
  }

  /** Whether an entity lives here again, by its owner's word, although it has not taken up its work yet. */
  isResuming(key: EntityKey): boolean {
    return this.#departures.get(key)?.isResuming === true
  }

  /** Moves an entity that is active here; resolves when it lives there, or stays. */
  begin(key: EntityKey, activation: Activation, target: NodeId): Promise<MoveOutcome> {
    const { member, pump } = this.#parts
    return new Promise((done) => {
      const now = this.#now()
      const { type, id, epoch } = activation
      this.#departures.set(key, {
        key,
        activation,
        done,
        step: 'preparing',
        waitsSince: now,
        versionThen: activation.version,
        pausedAt: now,
        sealedAt: now,
        goodbye: undefined,
        isResuming: false,
      })
      const partition = partitionOf(type.plan.name, id)
      member.residents.move({ key, partition, epoch }, target, now)
      pump()
    })
  }

  handleSeal({ key }: EffectOf<'seal'>): void {
    const departure = this.#departures.get(key)
    if (departure === undefined) {
      this.#parts.member.residents.giveUp(key, this.#now())
      return
    }
    departure.step = 'waiting'
    departure.waitsSince = this.#now()
    departure.versionThen = departure.activation.version
    this.#drainAtRest(departure)
  }

  /** While turns run or a write is under way the entity goes on taking calls: in the end of those it would only wait. */
  #drainAtRest(departure: Departure): void {
    const { member, node, pump } = this.#parts
    const { key, activation } = departure
    const isCurrent = this.#departures.get(key) === departure && departure.step === 'waiting'
    if (!isCurrent || node.isClosed) return
    const now = this.#now()
    if (activation.state !== 'active') {
      member.residents.giveUp(key, now)
      pump()
      return
    }
    const isReady = this.#isHeard(activation) && node.kernel.isAtRest(activation)
    if (!isReady && (mayRestSoon(departure, now) || this.#isCutOff(activation))) {
      node.ports.clock.setTimer(() => this.#drainAtRest(departure), LOOK_FOR_REST_MS)
      return
    }
    departure.step = 'resting'
    departure.pausedAt = now
    node.kernel.drain(activation)
    node.scheduleDrain()
  }

  /** Nothing of the entity runs or is held back any more. */
  handleRested(key: EntityKey, activation: Activation): void {
    const departure = this.#departures.get(key)
    if (departure?.activation !== activation || departure.step !== 'resting') return
    departure.step = 'leaving'
    void this.#leave(departure)
  }

  /** An activation has ended: if it was about to leave, there is nothing to be moved any more. */
  handleGone(key: EntityKey, activation: Activation): void {
    const departure = this.#departures.get(key)
    if (departure?.activation !== activation || departure.step === 'sealed') return
    this.#parts.member.residents.giveUp(key, this.#now())
    this.#parts.pump()
  }

  handleMoved({ key, host }: EffectOf<'moved'>): void {
    const departure = this.#take(key)
    if (departure === undefined) return
    const { activation, pausedAt, sealedAt } = departure
    const { kernel, durability } = this.#parts.node
    if (activation.state === 'moving') kernel.handleMoved(activation)
    else durability.lose(activation, livesElsewhere(activation, host))
    this.#parts.node.scheduleDrain()
    const now = this.#now()
    departure.done({
      ...{ status: 'moved', node: host },
      pauseMs: now - pausedAt,
      transferMs: now - sealedAt,
    })
  }

  handleResume({ key, epoch, failure }: EffectOf<'resume'>): void {
    const departure = this.#departures.get(key)
    const { member, node } = this.#parts
    if (departure === undefined || departure.activation.state === 'gone') {
      member.residents.release(key, this.#now())
      if (departure !== undefined) this.#end(departure, failure)
      return
    }
    departure.isResuming = true
    departure.activation.epoch = epoch
    if (departure.step === 'sealed') {
      void this.#resume(departure, failure)
      return
    }
    void this.#stay(departure, failure)
    node.scheduleDrain()
  }

  /** Says goodbye, seals and sends, when what is not saved has been. */
  async #leave(departure: Departure): Promise<void> {
    const { key, activation } = departure
    const { member, node, pump } = this.#parts
    try {
      if (departure.goodbye === undefined) {
        const goodbye = node.lifecycle.sayGoodbye(activation)
        departure.goodbye = goodbye.catch(() => undefined)
        await goodbye
      }
      if (!this.#isLeaving(departure)) return
      // What is sent says which version is stored: no write may be under way when it leaves.
      while (await this.#isBehind(activation)) {
        if (!this.#isLeaving(departure)) return
        if (this.#now() >= departure.pausedAt + UNHEARD_MS_MAX) {
          this.#giveUp(departure)
          return
        }
        await this.#pause()
        if (!this.#isLeaving(departure)) return
      }
      if (!this.#isLeaving(departure)) return
      // What the hook sent is at the gate: `rested` comes again.
      if (!node.kernel.seal(activation)) {
        departure.step = 'resting'
        node.kernel.noteRest(activation)
        return
      }
      departure.step = 'sealed'
      departure.sealedAt = this.#now()
      const sealed: SealedEntity = sealEntity(node, activation)
      member.residents.sealed(key, sealed, this.#now())
    } catch (error) {
      node.log.warn('an entity cannot be moved', { entity: key, error })
      member.residents.giveUp(key, this.#now())
    }
    pump()
  }

  /** Saves what is not saved yet. Says whether something that it sent is still on its way: that would be overtaken by what it sends from there. */
  async #isBehind(activation: Activation): Promise<boolean> {
    const { node, confirmations } = this.#parts
    if (activation.gate === null && activation.type.plan.durability !== 'none')
      await node.durability.flush(activation)
    if (!confirmations.isHeard(activation))
      await within(node.ports.clock, UNHEARD_MS_MAX, confirmations.ask())
    return hasHeldCalls(activation) || !confirmations.isHeard(activation)
  }

  /** Whether all that an entity has sent was heard; asks, if not. */
  #isHeard(activation: Activation): boolean {
    const { confirmations } = this.#parts
    if (hasHeldCalls(activation)) return false
    if (confirmations.isHeard(activation)) return true
    void confirmations.ask()
    return false
  }

  /** Whether what it has sent is on its way for so long that it would have to wait for others; until the move is given up it goes on. */
  #isCutOff(activation: Activation): boolean {
    return hasHeldCalls(activation) || this.#parts.confirmations.isLate(activation)
  }

  #giveUp({ key }: Departure): void {
    this.#parts.member.residents.giveUp(key, this.#now())
    this.#parts.pump()
  }

  #isLeaving(departure: Departure): boolean {
    const isCurrent = this.#departures.get(departure.key) === departure
    return isCurrent && departure.step === 'leaving' && !this.#parts.node.isClosed
  }

  /** Takes a sealed entity up again. */
  async #resume(departure: Departure, failure: MoveFailure): Promise<void> {
    const { activation, key } = departure
    const { node } = this.#parts
    try {
      if (activation.type.plan.durability !== 'none') await this.#claimAgain(activation)
    } catch (error) {
      node.durability.lose(activation, error)
      this.#end(departure, failure)
      return
    }
    if (this.#departures.get(key) !== departure || activation.state !== 'moving') return
    await this.#stay(departure, failure)
  }

  /** @throws EpicError `Fenced` when the store has another version than the copy here. */
  async #claimAgain(activation: Activation): Promise<void> {
    const { node } = this.#parts
    const entity: EntityId = { type: activation.type.plan.name, id: activation.id }
    for (;;) {
      try {
        const { version } = await node.ports.store.claim(entity, activation.epoch)
        if (version === activation.version) return
        throw new EpicError(
          'Fenced',
          `Cannot go on as "${entity.type}/${entity.id}": version ${version} is stored and ${activation.version} is here`,
        )
      } catch (error) {
        const isUndecided = isEpicError(error) && UNDECIDED.has(error.code)
        if (!isUndecided || node.isClosed) throw error
      }
      await this.#pause()
    }
  }

  #pause(): Promise<void> {
    const { clock } = this.#parts.node.ports
    return pause(clock, RETRY_MS)
  }

  async #stay(departure: Departure, failure: MoveFailure): Promise<void> {
    const { activation } = departure
    const { node } = this.#parts
    departure.step = 'staying'
    if (departure.goodbye !== undefined) {
      // It may still be saying goodbye: no two of its turns run at a time.
      await departure.goodbye
      if (activation.state === 'gone') {
        this.#end(departure, failure)
        return
      }
      await node.lifecycle.welcome(activation).catch((error: unknown) =>
        node.log.error('an entity that stays could not take up its work in order', {
          entity: departure.key,
          error,
        }),
      )
    }
    node.kernel.handleStayed(activation)
    node.scheduleDrain()
    this.#end(departure, failure)
  }

  #end(departure: Departure, why: MoveFailure): void {
    if (this.#departures.get(departure.key) === departure) this.#departures.delete(departure.key)
    const { node } = this.#parts
    node.log.debug('an entity stays where it is', { entity: departure.key, why })
    departure.done({ status: 'stayed', node: node.nodeId, why })
  }

  #take(key: EntityKey): Departure | undefined {
    const departure = this.#departures.get(key)
    this.#departures.delete(key)
    return departure
  }

  #now(): number {
    return this.#parts.node.ports.clock.monotonicMs()
  }
}

/** Whether it is worth while to wait for an entity to come to rest by itself. */
function mayRestSoon({ activation, waitsSince, versionThen }: Departure, now: number): boolean {
  const waitedMs = now - waitsSince
  if (waitedMs < NATURAL_REST_MS) return true
  const isWriting = activation.gate?.state === 'writing'
  const written = activation.version - versionThen
  return isWriting && written < WRITES_WAITED_FOR && waitedMs < SLOW_WRITES_MS
}

/** Codes after which a claim may be made again. */
const UNDECIDED: ReadonlySet<string> = new Set(['Unavailable', 'Unknown'])

function livesElsewhere({ type, id }: Activation, host: NodeId): EpicError {
  return new EpicError(
    'Fenced',
    `Cannot go on as "${type.plan.name}/${id}": it lives at node ${host}`,
  )
}
