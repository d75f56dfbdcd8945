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
import { EpicError, isEpicError, type EntityId, type TaskChange, type Write } from '@epicserver/contracts'
import type { Activation, Call, Held } from '@epicserver/kernel'
import type { ClassDescription } from './class-description.ts'
import type { NodeCodec } from './codec.ts'
import { constructEntity, type EntityHost } from './entity.ts'
import type { EntityCall, Outcome } from './entity-call.ts'
import { EntityState, type StateChange, type StateMark } from './entity-state.ts'
import { restoreDedup, savedDedup } from './idempotence.ts'
import { indexEntries } from './index-entries.ts'
import type { EntityNode } from './node.ts'
import { peekResidue, residueOf } from './residue.ts'

/** Marks an activation whose state was lost or taken over. */
const LOST: unique symbol = Symbol('lost')

export class Durability {
  readonly #node: EntityNode
  readonly #states: ReadonlyMap<string, EntityState>

  constructor(node: EntityNode, codec: NodeCodec) {
    this.#node = node
    this.#states = new Map(
      [...node.descriptions.values()].map((description) => [description.name, new EntityState(description, codec)]),
    )
  }

  // ── Claiming ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Claims the entity, loads it into a fresh object, and tells the kernel. */
  async claim(activation: Activation, host: EntityHost): Promise<void> {
    const { kernel, ports } = this.#node
    const entity = this.entityOf(activation)
    try {
      const claimed = await ports.store.claim(entity, activation.epoch)
      if (activation.state !== 'claiming') return
      activation.version = claimed.version
      this.#load(activation, claimed.bytes, host)
      kernel.handleClaimed(activation)
    } catch (error) {
      kernel.handleClaimFailed(activation, error)
    }
    this.#node.scheduleDrain()
  }

  #load(activation: Activation, bytes: Uint8Array | null, host: EntityHost): void {
    const description = this.#description(activation)
    const entity = this.entityOf(activation)
    const instance = constructEntity(description.entityClass, activation, host)
    activation.instance = instance
    const state = this.#state(activation)
    if (bytes !== null) {
      const content = state.decode(bytes, entity)
      state.fill(instance, content.state)
      restoreDedup(activation, content.extras)
      activation.saved = state.mark(instance, entity)
      if (content.version !== description.version) residueOf(activation).isForced = true
    } else {
      if (activation.version > 0n) residueOf(activation).isAbsent = true
      activation.saved = description.autoCreate ? state.mark(instance, entity) : null
    }
  }

  // ── Emitting ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether what this turn emits must wait until the state that it reveals is durable. */
  mustHold(activation: Activation, turn: Call): boolean {
    if (activation.gate === null || activation.state === 'gone') return false
    const { atomic } = peekResidue(activation)
    return atomic === null || (atomic.call !== turn && !isWithin(turn, atomic.call))
  }

  /** Lets a message leave now, or when the state is durable. */
  emit(activation: Activation, message: EntityCall): void {
    if (activation.gate === null || activation.state === 'gone') this.#node.dispatch(message)
    else this.#node.hold(activation, message)
  }

  /** Brings a turn's outcome to its caller, now or when the state is durable. */
  deliver(activation: Activation, call: EntityCall, outcome: Outcome): void {
    if (activation.gate !== null && activation.state !== 'gone' && this.mustHold(activation, call)) {
      call.keep(outcome)
      this.#node.hold(activation, call)
      return
    }
    if (activation.type.plan.durability === 'interval') this.#flushLater(activation)
    if (this.isLost(activation)) call.fail(this.#lostError(activation))
    else if ('error' in outcome) call.fail(outcome.error)
    else call.succeed(outcome.value)
  }

  isLost(activation: Activation): boolean {
    return activation.saved === LOST
  }

  // ── Settling ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Compares the state of every entity that holds something back, and writes or releases. */
  settle(): void {
    const { kernel } = this.#node
    for (let activation = kernel.pollUnsettled(); activation !== undefined; activation = kernel.pollUnsettled()) {
      this.#settleOne(activation)
    }
  }

  #settleOne(activation: Activation): void {
    const gate = activation.gate as NonNullable<Activation['gate']>
    let change: PendingWrite | null
    try {
      change = this.#pendingWrite(activation)
    } catch (error) {
      this.lose(activation, error)
      return
    }
    if (change === null) {
      this.#release(activation, gate.takeClean())
      return
    }
    gate.beginWrite()
    void this.#writeHeld(activation, change)
  }

  #release(activation: Activation, released: readonly Held[]): void {
    const { observer } = this.#node
    for (const held of released) {
      if (observer !== null) observer.released(activation, held)
      held.release()
    }
  }

  async #writeHeld(activation: Activation, change: PendingWrite): Promise<void> {
    if (!(await this.#write(activation, change))) return
    this.#release(activation, this.#node.kernel.handleWritten(activation))
    if (activation.gate?.state === 'unsettled') this.#node.scheduleSettle()
  }

  /** What must be written now, if anything. During an atomic operation that is the state from before it. */
  #pendingWrite(activation: Activation): PendingWrite | null {
    const residue = peekResidue(activation)
    const entity = this.entityOf(activation)
    const description = this.#description(activation)
    const tasks = residue.tasks
    if (residue.atomic !== null) {
      return residue.atomic.isBeforeSaved ? null : { bytes: residue.atomic.before, mark: null, write: { bytes: residue.atomic.before } }
    }
    const mark = activation.saved as StateMark | null
    if (mark === null && !residue.isForced) return null
    const isForced = residue.isForced || tasks.length > 0
    const change = this.#state(activation).change(activation.instance as object, mark, savedDedup(activation), entity, isForced)
    if (change === null) return null
    return { ...change, write: this.#writeOf(activation, description, change, tasks) }
  }

  #writeOf(activation: Activation, description: ClassDescription, change: StateChange, tasks: readonly TaskChange[]): Write {
    const write: { bytes: Uint8Array; indexes?: Write['indexes']; tasks?: Write['tasks'] } = { bytes: change.bytes }
    if (description.indexes.length > 0) write.indexes = indexEntries(description, activation.instance as Record<string, unknown>)
    if (tasks.length > 0) {
      write.tasks = tasks
      residueOf(activation).tasks = []
    }
    return write as Write
  }

  async #write(activation: Activation, pending: PendingWrite): Promise<boolean> {
    const { kernel, ports } = this.#node
    const residue = peekResidue(activation)
    if (residue.isForced) residueOf(activation).isForced = false
    try {
      const guard = { epoch: activation.epoch, version: activation.version }
      activation.version = await ports.store.write(this.entityOf(activation), guard, pending.write)
    } catch (error) {
      this.lose(activation, error)
      return false
    }
    if (activation.state === 'gone') return false
    if (pending.mark !== null) activation.saved = pending.mark
    else if (residue.atomic !== null) residue.atomic.isBeforeSaved = true
    if (residue.isAbsent) residueOf(activation).isAbsent = false
    kernel.measure(activation, ENTITY_BYTES + pending.bytes.length * 2)
    if (!ports.router.canServe(ports.clock.monotonicMs())) {
      this.lose(activation, new EpicError('Fenced', 'Cannot answer: this node’s lease is over', { retry: 'unknown' }))
      return false
    }
    return true
  }

  /** The copy in memory is not to be trusted: ends the activation and drops what it held back. */
  lose(activation: Activation, error: unknown): void {
    if (activation.state === 'gone') return
    const entity = this.entityOf(activation)
    if (!(isEpicError(error) && error.code === 'CannotSave')) {
      this.#node.log.warn('state could not be saved; the entity will be loaded again', { entity: `${entity.type}/${entity.id}`, error })
    }
    activation.saved = LOST
    const held: Held[] = this.#node.kernel.drop(activation)
    for (const each of held) each.drop(error)
    this.#node.scheduleDrain()
  }

  // ── Saving outside the gate ────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when the state is durable as it is now. */
  save(activation: Activation): Promise<void> {
    if (activation.type.plan.durability === 'none') return Promise.resolve()
    if (this.isLost(activation)) return Promise.reject(this.#lostError(activation))
    if (activation.gate === null) return this.flush(activation)
    return new Promise((resolve, reject) => {
      this.#node.hold(activation, { release: resolve, drop: reject })
    })
  }

  /** Writes what is not saved yet, before an activation ends. */
  async saveLast(activation: Activation): Promise<void> {
    if (activation.type.plan.durability === 'none' || this.isLost(activation)) return
    if (activation.gate === null) await this.flush(activation)
    else await this.save(activation)
  }

  /** Writes what changed, one write at a time. */
  flush(activation: Activation): Promise<void> {
    const residue = residueOf(activation)
    const flush = (residue.flush ?? Promise.resolve()).then(async () => {
      if (activation.state === 'gone') return
      const pending = this.#pendingWrite(activation)
      if (pending !== null && !(await this.#write(activation, pending))) throw this.#lostError(activation)
    })
    residue.flush = flush.catch(() => undefined)
    return flush
  }

  /** Writes what changed, soon; what goes wrong is logged. */
  flushNow(activation: Activation): void {
    this.flush(activation).catch((error: unknown) => this.#node.log.error('an entity could not be saved', { error }))
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

  // ── Creating, undoing, forgetting, tasks ───────────────────────────────────────────────────────────────────────────────

  exists(activation: Activation): boolean {
    return activation.version > 0n && !peekResidue(activation).isAbsent
  }

  create(activation: Activation, initial: Readonly<Record<string, unknown>>): void {
    this.#state(activation).fill(activation.instance as object, initial)
    residueOf(activation).isForced = true
    if (activation.saved === null) activation.saved = ''
  }

  snapshot(activation: Activation): Uint8Array {
    return this.#state(activation).encode(activation.instance as object, savedDedup(activation), this.entityOf(activation))
  }

  undo(activation: Activation, before: Uint8Array): void {
    this.#state(activation).restore(activation.instance as object, before, this.entityOf(activation))
  }

  /** Deletes what is saved and ends the activation; what it held back may leave then. */
  async forget(activation: Activation): Promise<void> {
    if (this.isLost(activation)) throw this.#lostError(activation)
    if (activation.type.plan.durability !== 'none') {
      await this.save(activation)
      const guard = { epoch: activation.epoch, version: activation.version }
      await this.#node.ports.store.remove(this.entityOf(activation), guard)
    }
    for (const held of this.#node.kernel.drop(activation)) held.release()
    this.#node.scheduleDrain()
  }

  changeTask(activation: Activation, change: TaskChange): void {
    const residue = residueOf(activation)
    residue.tasks = [...residue.tasks.filter((task) => task.key !== change.key), change]
  }

  // ── Looking ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  fieldsOf(activation: Activation): Record<string, unknown> {
    return activation.instance === null ? {} : this.#state(activation).fieldsOf(activation.instance as object)
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

  #lostError(activation: Activation): EpicError {
    const { type, id } = this.entityOf(activation)
    return new EpicError('Fenced', `Cannot go on as "${type}/${id}": its state was lost or another activation has it`)
  }
}

/** What an activation costs beside its state, by measurement (benchmark `memory-per-entity`). */
const ENTITY_BYTES = 600

interface PendingWrite {
  readonly bytes: Uint8Array
  readonly mark: StateMark | null
  readonly write: Write
}

function isWithin(turn: Call, above: Call): boolean {
  return above.turnKey !== null && turn.above.includes(above.turnKey)
}
