/**
 * Saving: claims, comparisons, writes, and what happens when one of them fails.
 *
 * With acknowledged durability everything an entity emits goes through its gate; when the node rests for a moment `settle` looks
 * at each entity with something at its gate, compares its state, and writes or releases. With the other modes outcomes leave at
 * once and writes come from a timer or from `save()`.
 *
 * A failed write means that memory is ahead of the store. Whatever the reason, that copy is never trusted again: what was held is
 * dropped with the error, the activation ends, and the next call claims and loads what is durable. Nobody was told otherwise.
 */
import { EpicError, isEpicError, type EntityId, type TaskChange } from '@epicserver/contracts'
import type { Activation, Call, Held } from '@epicserver/kernel'
import { halfDone, isWithin } from './atomic.ts'
import type { ClassDescription } from '../model/class-description.ts'
import type { NodeCodec } from '../node/codec.ts'
import { constructEntity, type EntityHost } from '../model/entity.ts'
import { lostActivation, type EntityCall, type Outcome } from '../node/entity-call.ts'
import { restoreExtras, savedExtras } from './extras.ts'
import { EntityState, type StateMark } from './entity-state.ts'
import { GateWrite, type GateWriteOwner } from './gate-write.ts'
import { indexEntries } from '../queries/index-entries.ts'
import type { EntityNode } from '../node/node.ts'
import { peekResidue, residueOf, type PendingState, type PendingWrite } from '../node/residue.ts'

/** Stands in the place of the mark once the entity was deleted: what its last turns emit may leave. */
const FORGOTTEN: unique symbol = Symbol('forgotten')

export class Durability implements GateWriteOwner {
  readonly #node: EntityNode
  readonly #states: ReadonlyMap<string, EntityState>

  constructor(node: EntityNode, codec: NodeCodec) {
    this.#node = node
    this.#states = new Map(
      [...node.descriptions.values()].map((description) => [
        description.name,
        new EntityState(description, codec),
      ]),
    )
  }

  /** Claims the entity, loads it into a fresh object, and tells the kernel. */
  async claim(activation: Activation, host: EntityHost): Promise<void> {
    const { kernel, ports } = this.#node
    const entity = this.entityOf(activation)
    try {
      const claimed = await ports.store.claim(entity, activation.epoch)
      if (activation.state !== 'claiming') return
      activation.version = claimed.version
      this.load(activation, claimed.bytes, host)
      kernel.handleClaimed(activation)
    } catch (error) {
      kernel.handleClaimFailed(activation, error)
    }
    this.#node.scheduleDrain()
  }

  /** Makes the entity's object, from its record where there is one. */
  load(activation: Activation, bytes: Uint8Array | null, host: EntityHost): void {
    const description = this.#description(activation)
    const entity = this.entityOf(activation)
    const instance = constructEntity(description.entityClass, activation, host)
    activation.instance = instance
    const state = this.#state(activation)
    if (bytes !== null) {
      const content = state.decode(bytes, entity)
      state.fill(instance, content.state)
      restoreExtras(activation, content.extras)
      activation.saved = state.mark(instance, entity)
      if (content.version !== description.version) residueOf(activation).isForced = true
    } else {
      if (activation.version > 0n) residueOf(activation).isAbsent = true
      activation.saved = description.autoCreate ? state.mark(instance, entity) : null
    }
  }

  /**
   * Whether what this turn emits must wait until the state that it reveals is durable. Within an atomic operation that is the state
   * from before it.
   */
  mustHold(activation: Activation, turn: Call): boolean {
    const { gate } = activation
    if (gate === null || activation.state === 'gone') return false
    const { atomic } = peekResidue(activation)
    if (atomic === null || !isWithin(turn, atomic.call)) return true
    return atomic.unsaved !== null || gate.state !== 'resting'
  }

  /** Lets a message leave now, or when the state is durable. */
  emit(activation: Activation, message: EntityCall): void {
    if (activation.gate === null || activation.state === 'gone') this.#node.dispatch(message)
    else this.#node.hold(activation, message)
  }

  /** Brings a turn's outcome to its caller, now or when the state is durable. */
  deliver(activation: Activation, call: EntityCall, outcome: Outcome): void {
    if (this.mustHold(activation, call)) {
      call.keep(outcome)
      this.#node.hold(activation, call)
      return
    }
    if (activation.type.plan.durability === 'interval') this.#flushLater(activation)
    if (this.isLost(activation)) call.fail(lostActivation(activation))
    else call.conclude(outcome)
  }

  /** Whether the activation has ended while a turn of it went on: another may run by now, so nothing of this one may leave. */
  isLost(activation: Activation): boolean {
    return activation.state === 'gone' && activation.saved !== FORGOTTEN
  }

  /** Compares the state of every entity that holds something back, and writes or releases. */
  settle(): void {
    const { kernel } = this.#node
    for (
      let activation = kernel.pollUnsettled();
      activation !== undefined;
      activation = kernel.pollUnsettled()
    ) {
      this.#settleOne(activation)
    }
  }

  #settleOne(activation: Activation): void {
    const gate = activation.gate as NonNullable<Activation['gate']>
    let pending: PendingWrite | null
    try {
      pending = this.#takePending(activation)
    } catch (error) {
      this.lose(activation, error)
      return
    }
    if (pending === null) {
      this.#release(activation, gate.takeClean())
      return
    }
    gate.beginWrite(activation.running > 0)
    if (pending.kind === 'removal') void this.#write(activation, pending)
    else {
      this.#noteBegun(activation)
      new GateWrite(this, activation, pending).start(this.#node.ports.store)
    }
  }

  handleWritten({ activation, pending }: GateWrite, version: bigint): void {
    activation.version = version
    if (this.#conclude(activation, pending) !== null) return
    this.#release(activation, this.#node.kernel.handleWritten(activation))
    if (activation.gate?.state === 'unsettled') this.#node.scheduleSettle()
  }

  handleFailed({ activation }: GateWrite, error: unknown): void {
    this.lose(activation, error)
  }

  #release(activation: Activation, released: readonly Held[]): void {
    const { observer } = this.#node
    for (const held of released) {
      if (observer !== null) observer.released(activation, held)
      held.release()
    }
    if (activation.state !== 'draining') return
    this.#node.kernel.noteRest(activation)
    this.#node.scheduleDrain()
  }

  /** What must be written now, if anything. During an atomic operation that is the state from before it. */
  #takePending(activation: Activation): PendingWrite | null {
    const residue = peekResidue(activation)
    if (residue.isForgetting) return { kind: 'removal' }
    if (residue.atomic === null) return this.unsavedState(activation)
    const { unsaved } = residue.atomic
    residue.atomic.unsaved = null
    return unsaved
  }

  /** The state as it is now, with the tasks that were changed, ready to be written; `null` where all is saved. */
  unsavedState(activation: Activation): PendingWrite | null {
    const residue = peekResidue(activation)
    const mark = activation.saved as StateMark | null
    if (mark === null && !residue.isForced) return null
    const isForced = residue.isForced || residue.tasks.length > 0
    const change = this.#state(activation).change(
      activation.instance as object,
      mark,
      savedExtras(activation, this.#node.ports.clock),
      this.entityOf(activation),
      isForced,
    )
    if (change === null) return null
    return { kind: 'write', mark: change.mark, write: this.#writeOf(activation, change.bytes) }
  }

  /** Whether memory is ahead of what is saved; asks nothing of the store and changes nothing. */
  isUnsaved(activation: Activation): boolean {
    if (activation.type.plan.durability === 'none') return false
    const { isForced, tasks } = peekResidue(activation)
    const mark = activation.saved as StateMark | null
    if (isForced || tasks.length > 0) return true
    const instance = activation.instance as object
    const entity = this.entityOf(activation)
    if (mark === null) return false
    return this.#state(activation).change(instance, mark, null, entity, false) !== null
  }

  #writeOf(activation: Activation, bytes: Uint8Array): PendingState['write'] {
    const description = this.#description(activation)
    const { tasks } = peekResidue(activation)
    if (tasks.length === 0 && description.indexes.length === 0) return { bytes }
    if (tasks.length > 0) residueOf(activation).tasks = []
    return {
      bytes,
      ...(description.indexes.length > 0 && {
        indexes: indexEntries(description, activation.instance as Record<string, unknown>),
      }),
      ...(tasks.length > 0 && { tasks }),
    }
  }

  /** Returns the error, or `null` when all is durable and this node may still say so. */
  async #write(activation: Activation, pending: PendingWrite): Promise<Error | null> {
    const { store } = this.#node.ports
    const entity = this.entityOf(activation)
    const guard = { epoch: activation.epoch, version: activation.version }
    try {
      if (pending.kind === 'removal') await store.remove(entity, guard)
      else {
        this.#noteBegun(activation)
        activation.version = await store.write(entity, guard, pending.write)
      }
    } catch (error) {
      this.lose(activation, error)
      return error instanceof Error ? error : new Error(String(error))
    }
    return this.#conclude(activation, pending)
  }

  #noteBegun(activation: Activation): void {
    if (peekResidue(activation).isForced) residueOf(activation).isForced = false
  }

  /** It is durable. Returns why this node may not say so, if it may not. */
  #conclude(activation: Activation, pending: PendingWrite): Error | null {
    const { kernel, ports } = this.#node
    if (activation.state === 'gone') return lostActivation(activation)
    if (!ports.router.canServe(ports.clock.monotonicMs())) {
      const error = new EpicError('Fenced', 'Cannot answer: this node’s lease is over', {
        retry: 'unknown',
      })
      this.lose(activation, error)
      return error
    }
    if (pending.kind === 'removal') {
      this.#end(activation)
      return null
    }
    activation.saved = pending.mark
    if (peekResidue(activation).isAbsent) residueOf(activation).isAbsent = false
    kernel.measure(activation, ENTITY_BYTES + pending.write.bytes.length * 2)
    return null
  }

  /** The entity is deleted: what its turns emitted may leave, and its next call begins anew. */
  #end(activation: Activation): void {
    activation.saved = FORGOTTEN
    this.#release(activation, this.#node.kernel.drop(activation))
    this.#node.scheduleDrain()
  }

  /** The copy in memory is not to be trusted: ends the activation and drops what it held back. */
  lose(activation: Activation, error: unknown): void {
    if (activation.state === 'gone') return
    const entity = this.entityOf(activation)
    if (!(isEpicError(error) && error.code === 'CannotSave')) {
      this.#node.log.warn('state could not be saved; the entity will be loaded again', {
        entity: `${entity.type}/${entity.id}`,
        error,
      })
    }
    activation.saved = error
    const unsure = activation.gate?.mayBeSaved === true ? partlySaved(activation, error) : error
    const held: Held[] = this.#node.kernel.drop(activation)
    for (const each of held) each.drop(error, unsure)
    this.#node.scheduleDrain()
  }

  /** Resolves when the state is durable as it is now. */
  save(activation: Activation): Promise<void> {
    if (activation.type.plan.durability === 'none') return Promise.resolve()
    if (activation.state === 'gone') return Promise.reject(lostActivation(activation))
    if (peekResidue(activation).atomic !== null) return Promise.reject(halfDone(activation, 'save'))
    return this.#saved(activation)
  }

  #saved(activation: Activation): Promise<void> {
    if (activation.gate === null) return this.flush(activation)
    return new Promise((resolve, reject) => {
      this.#node.hold(activation, { release: resolve, drop: reject })
    })
  }

  /** Writes what is not saved yet, before an activation ends. */
  async saveLast(activation: Activation): Promise<void> {
    if (activation.type.plan.durability !== 'none' && activation.state !== 'gone')
      await this.#saved(activation)
  }

  /** Writes what changed, one write at a time. */
  flush(activation: Activation): Promise<void> {
    const residue = residueOf(activation)
    const flush = (residue.flush ?? Promise.resolve()).then(async () => {
      if (activation.state === 'gone' && activation.saved !== FORGOTTEN)
        throw lostActivation(activation)
      const pending = activation.state === 'gone' ? null : this.#takePending(activation)
      const error = pending === null ? null : await this.#write(activation, pending)
      if (error !== null) throw error
    })
    residue.flush = flush.catch(() => undefined)
    return flush
  }

  /** Writes what changed, soon; what goes wrong is logged. */
  flushNow(activation: Activation): void {
    this.flush(activation).catch((error: unknown) =>
      this.#node.log.error('an entity could not be saved', { error }),
    )
  }

  #flushLater(activation: Activation): void {
    const residue = residueOf(activation)
    if (residue.isFlushScheduled || activation.state === 'gone') return
    residue.isFlushScheduled = true
    this.#node.ports.clock.setTimer(() => {
      residue.isFlushScheduled = false
      if (this.#node.isClosed) return
      this.flushNow(activation)
    }, activation.type.plan.durabilityMs)
  }

  exists(activation: Activation): boolean {
    const { isAbsent, isCreated } = peekResidue(activation)
    return isCreated || (activation.version > 0n && !isAbsent)
  }

  create(activation: Activation, initial: Readonly<Record<string, unknown>>): void {
    this.#state(activation).fill(activation.instance as object, initial)
    const residue = residueOf(activation)
    residue.isCreated = true
    residue.isForced = true
    if (activation.saved === null) activation.saved = ''
  }

  snapshot(activation: Activation): Uint8Array {
    return this.#state(activation).encode(
      activation.instance as object,
      savedExtras(activation, this.#node.ports.clock),
      this.entityOf(activation),
    )
  }

  restore(activation: Activation, before: Uint8Array): void {
    this.#state(activation).restore(
      activation.instance as object,
      before,
      this.entityOf(activation),
    )
  }

  /** Deletes what is saved and ends the activation; what it held back may leave then. */
  async forget(activation: Activation): Promise<void> {
    if (this.isLost(activation)) throw lostActivation(activation)
    if (activation.state === 'gone') return
    if (activation.type.plan.durability === 'none') {
      this.#end(activation)
      return
    }
    if (peekResidue(activation).atomic !== null) throw halfDone(activation, 'forget')
    residueOf(activation).isForgetting = true
    await this.#saved(activation)
  }

  changeTask(activation: Activation, change: TaskChange): void {
    const residue = residueOf(activation)
    residue.tasks = [...residue.tasks.filter((task) => task.key !== change.key), change]
  }

  fieldsOf(activation: Activation): Record<string, unknown> {
    return activation.instance === null
      ? {}
      : this.#state(activation).fieldsOf(activation.instance as object)
  }

  stateOf(type: string): EntityState {
    return this.#states.get(type) as EntityState
  }

  entityOf(activation: Activation): EntityId {
    return { type: activation.type.plan.name, id: activation.id }
  }

  #state(activation: Activation): EntityState {
    return this.stateOf(activation.type.plan.name)
  }

  #description(activation: Activation): ClassDescription {
    return this.#node.description(activation.type.plan.name)
  }
}

/** What an activation costs beside its state, by measurement (benchmark `memory-per-entity`). */
const ENTITY_BYTES = 600

/** A refused write says that nothing was saved by it, and nothing of what the one before it saved. */
function partlySaved({ type, id }: Activation, error: unknown): unknown {
  if (!isEpicError(error) || error.retry !== 'safe') return error
  return new EpicError(
    'Unknown',
    `Cannot know whether what "${type.plan.name}/${id}" did was saved: it ran while an earlier change was saved, and the last one was refused: ${error.message}`,
    { cause: error },
  )
}
