/**
 * Nothing acknowledged is lost, in two halves.
 *
 * The store's: a version that was said to be durable is never missing afterwards, at any claim. The node's: nothing leaves an
 * entity with acknowledged durability before the state that it reveals is durable. For that, the state is encoded whenever
 * something is emitted; when it leaves, either a write that began after it is durable, or the state was the durable one already.
 */
import { formatEntityId, isEpicError } from '@epicserver/contracts'
import type { Claimed, EntityId, Guard, Write } from '@epicserver/contracts'
import type { Activation, Held } from '@epicserver/kernel'
import type { EntityCall, EntityNode } from '@epicserver/runtime'
import type { Report, WatchedProcess, Watcher } from '../watcher.ts'

/** What is known of one activation. */
interface Known {
  /** The durable state, without what the runtime saves along. */
  durable: string
  writesBegun: number
  writesDone: number
  /** The last epoch by which it is known here. */
  epoch: bigint
}

/** A write that is under way, and the state that it makes durable. */
interface WriteUnderWay {
  readonly known: Known
  readonly state: string
}

/** The newest version of an entity that was said to be durable. */
export interface Acknowledged {
  readonly entity: EntityId
  readonly version: bigint
}

interface Emission {
  readonly state: string
  readonly writesBegun: number
}

/** Equal to no state. */
const CANNOT_SAVE = 'cannot be saved'

export class DurabilityWatch implements Watcher {
  readonly #report: Report
  readonly #acknowledged = new Map<string, Acknowledged>()
  /** All that live of an entity, though but one of them may write: who writes for it may be another node. */
  readonly #activations = new Map<string, Set<Activation>>()
  /** Those that had a turn or emitted something under an epoch. */
  readonly #byEpoch = new Map<string, Activation>()
  readonly #underWay = new WeakMap<Guard, WriteUnderWay>()
  readonly #known = new WeakMap<Activation, Known>()
  readonly #emitted = new WeakMap<Held, Emission>()

  constructor(report: Report) {
    this.#report = report
  }

  /** The newest version of each entity that was said to be durable. */
  get acknowledged(): ReadonlyMap<string, Acknowledged> {
    return this.#acknowledged
  }

  /** The newest version of one of them. */
  versionOf(entity: EntityId): bigint {
    return this.#acknowledged.get(formatEntityId(entity))?.version ?? 0n
  }

  claimed(process: WatchedProcess, entity: EntityId, { version }: Claimed, atLeast: bigint): void {
    if (version >= atLeast) return
    this.#report(
      'nothingAcknowledgedLost',
      `${process.name} claimed ${formatEntityId(entity)} and found version ${version}; version ${atLeast} was acknowledged before`,
    )
  }

  written(_process: WatchedProcess, entity: EntityId, version: bigint, guard: Guard): void {
    this.#acknowledged.set(formatEntityId(entity), { entity, version })
    const write = this.#underWay.get(guard)
    if (write === undefined) return
    write.known.durable = write.state
    write.known.writesDone += 1
  }

  removed(_process: WatchedProcess, entity: EntityId): void {
    this.#acknowledged.delete(formatEntityId(entity))
  }

  writeBegun(process: WatchedProcess, entity: EntityId, write: Write, guard: Guard): void {
    const activation = this.#activationOf(entity, guard.epoch)
    const known = this.#knownOf(activation)
    if (known === undefined || activation === undefined) return
    known.writesBegun += 1
    const { bytes } = write
    const state = bytes === undefined ? known.durable : this.#stateIn(process, activation, bytes)
    this.#underWay.set(guard, { known, state })
  }

  turnStarted(process: WatchedProcess, { activation }: EntityCall): void {
    if (activation === null || activation.gate === null) return
    let known = this.#known.get(activation)
    if (known === undefined) {
      const durable = stateOf(process, activation)
      known = { durable, writesBegun: 0, writesDone: 0, epoch: -1n }
      this.#known.set(activation, known)
    }
    this.#noteEpoch(activation, known)
  }

  callMade(process: WatchedProcess, call: EntityCall): void {
    this.#noteEmission(process, call.parent?.activation, call)
  }

  turnEnded(process: WatchedProcess, call: EntityCall): void {
    this.#noteEmission(process, call.activation, call)
  }

  released(process: WatchedProcess, activation: Activation, held: Held): void {
    const known = this.#knownOf(activation)
    const emission = this.#emitted.get(held)
    if (known === undefined || emission === undefined) return
    if (known.writesDone > emission.writesBegun || emission.state === known.durable) return
    this.#report(
      'nothingAcknowledgedLost',
      `${process.name} lets something of ${activation.type.plan.name}/${activation.id} leave that reveals a state which is not durable`,
    )
  }

  #noteEmission(
    process: WatchedProcess,
    activation: Activation | null | undefined,
    held: Held,
  ): void {
    const known = this.#knownOf(activation ?? undefined)
    if (known === undefined || activation?.instance === null) return
    this.#noteEpoch(activation as Activation, known)
    this.#emitted.set(held, {
      state: stateOf(process, activation as Activation),
      writesBegun: known.writesBegun,
    })
  }

  #noteEpoch(activation: Activation, known: Known): void {
    if (known.epoch === activation.epoch) return
    known.epoch = activation.epoch
    const name = formatEntityId({ type: activation.type.plan.name, id: activation.id })
    this.#byEpoch.set(nameOf(name, activation.epoch), activation)
    const all = this.#activations.get(name) ?? new Set()
    for (const each of all) if (each.state === 'gone') all.delete(each)
    this.#activations.set(name, all.add(activation))
  }

  /** An epoch rises where a move was given up: also while a turn runs, and before that emits anything. */
  #activationOf(entity: EntityId, epoch: bigint): Activation | undefined {
    const name = formatEntityId(entity)
    const known = this.#byEpoch.get(nameOf(name, epoch))
    if (known !== undefined) return known
    return [...(this.#activations.get(name) ?? [])].find((each) => each.epoch === epoch)
  }

  #knownOf(activation: Activation | undefined): Known | undefined {
    return activation === undefined ? undefined : this.#known.get(activation)
  }

  #stateIn(process: WatchedProcess, activation: Activation, bytes: Uint8Array): string {
    const { durability } = process.node as EntityNode
    const state = durability.stateOf(activation.type.plan.name)
    const entity = durability.entityOf(activation)
    return textOf(state.encode(state.decode(bytes, entity).state, null, entity))
  }
}

function nameOf(entity: string, epoch: bigint): string {
  return `${entity}@${epoch}`
}

function stateOf(process: WatchedProcess, activation: Activation): string {
  const { durability } = process.node as EntityNode
  const entity = durability.entityOf(activation)
  try {
    return textOf(
      durability.stateOf(entity.type).encode(activation.instance as object, null, entity),
    )
  } catch (error) {
    // A state that cannot be saved: the node refuses it too, and nothing leaves.
    if (isEpicError(error)) return CANNOT_SAVE
    throw error
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
