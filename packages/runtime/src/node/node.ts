/**
 * One node: the driver that performs what the kernel decides.
 *
 * The way of a call: a ref's method makes a call (`invoke`); if an entity with acknowledged durability makes it, it first waits
 * at that entity's gate; `dispatch` hands it to the kernel when the entity lives here, or to the router; a drain takes runnable
 * calls from the kernel and runs their methods; the outcome goes back the same way, through the gate of the entity that answers.
 *
 * Drains run as microtasks, so that a chain of calls inside a process costs no event loop turn, and give way to sockets and
 * timers after a slice of time, so that two entities calling each other for ever starve nobody.
 */
import { EpicError, isEpicError, type ErrorCode } from '@epicserver/contracts'
import {
  Kernel,
  type Activation,
  type Call,
  type CallNumber,
  type EntityType,
  type Held,
  type KernelLimits,
} from '@epicserver/kernel'
import type { EntityClasses } from '../model/app.ts'
import { keptUntilCommit } from '../saving/atomic.ts'
import {
  describeClass,
  type ClassDescription,
  type OperationDescription,
} from '../model/class-description.ts'
import { NodeCodec } from './codec.ts'
import type { Contract } from '../model/contract.ts'
import { Durability } from '../saving/durability.ts'
import type { Entity, EntityClass } from '../model/entity.ts'
import {
  AwaitedCall,
  lostActivation,
  UnawaitedCall,
  type CallHome,
  type EntityCall,
} from './entity-call.ts'
import { DeadlockExchange } from './deadlock-exchange.ts'
import { IndexBuilder } from '../queries/index-build.ts'
import { CallerWindows } from './idempotence.ts'
import { Host } from './host.ts'
import { createOperation, pingOperation } from './internal-operations.ts'
import { Lifecycle } from './lifecycle.ts'
import { RUNTIME_LIMITS, type RuntimeLimits } from '../limits.ts'
import { createLog, type Log } from '../log.ts'
import { guardMessage } from './message-guard.ts'
import { createPool, type InitialState, type Pool, type PoolSource } from '../model/pool.ts'
import type { NodeObserver } from './observer.ts'
import type { NodePorts, Pending } from './ports.ts'
import { createQuery, QUERY_REQUEST, type Query } from '../queries/query.ts'
import { walkQuery, type QueryText } from '../queries/query-walk.ts'
import {
  descriptionOf,
  idBehind,
  placeOf,
  RefTable,
  setPlace,
  wayOf,
  type CallSite,
  type Ref,
  type RefObject,
} from '../model/ref.ts'
import { Token, type ResultOf, type Syscall } from '../syscalls/syscalls.ts'
import type { DueTask } from '../tasks/task-body.ts'
import { TaskScheduler } from '../tasks/task-scheduler.ts'
import { currentTurn, lastTurn, trackTurns } from './turn-context.ts'
import { TurnRunner } from './turn-runner.ts'
import { checkedId, invalidId, unknownOperation, unknownType } from './unnameable.ts'
import type { TopicPublisher } from '../topics/topic.ts'
import { TOPIC_TYPE } from '../topics/topic-entity.ts'
import { Topics } from '../topics/topics.ts'

/** Errors after which a recognisable call is sent again. */
const REPEATED: ReadonlySet<ErrorCode> = new Set(['NodeLost', 'Fenced', 'Unavailable', 'Unknown'])

/** As many turns as fit into a small integer: nobody samples. */
const NEVER = 2 ** 30 - 1

/** Answers what another node asks; `from` is its proven id. */
export type NodeRequest = (from: string, args: readonly unknown[]) => unknown

export interface NodeOptions {
  readonly nodeId: string
  readonly entities: EntityClasses
  readonly ports: NodePorts
  /** `development` checks and freezes messages. */
  readonly mode: 'development' | 'production'
  readonly limits?: Partial<RuntimeLimits>
  readonly kernelLimits?: Partial<KernelLimits>
}

export class EntityNode implements CallSite, CallHome, PoolSource {
  readonly nodeId: string
  readonly ports: NodePorts
  readonly observer: NodeObserver | null
  readonly limits: RuntimeLimits
  readonly kernel: Kernel
  readonly log: Log
  readonly isDevelopment: boolean
  readonly descriptions: ReadonlyMap<string, ClassDescription>
  readonly refs: RefTable
  readonly codec: NodeCodec
  readonly pool: Pool
  readonly lifecycle: Lifecycle
  readonly durability: Durability
  readonly topics: Topics
  /** What other nodes may ask of this one, by name. */
  readonly requests: Map<string, NodeRequest> = new Map()
  readonly #descriptions = new Map<string, ClassDescription>()
  readonly #types: ReadonlyMap<string, EntityType>
  readonly #names = new Map<unknown, string>()
  readonly #runner: TurnRunner
  readonly #windows: CallerWindows
  readonly #deadlocks: DeadlockExchange
  /** Fires durable tasks once it is started. */
  readonly tasks: TaskScheduler
  /** Builds indexes that were declared after entities had been saved. */
  readonly indexes: IndexBuilder
  #isDrainScheduled = false
  #isSettleScheduled = false
  #drains = 0
  #sliceEndsAt = -Infinity
  #sampleEvery = NEVER
  #turnsToSample = NEVER
  #onSampled: ((call: EntityCall) => void) | undefined
  #tick: Pending | null = null
  #tickAt = Infinity
  #isClosed = false
  #shedMessages = 0
  #awaited: EntityCall[] = []

  constructor(options: NodeOptions) {
    trackTurns()
    this.nodeId = options.nodeId
    this.ports = options.ports
    this.observer = options.ports.observer ?? null
    this.limits = { ...RUNTIME_LIMITS, ...options.limits }
    this.isDevelopment = options.mode === 'development'
    this.log = createLog(options.ports.log, { node: options.nodeId })
    this.kernel = new Kernel({
      nodeId: options.nodeId,
      now: options.ports.clock.monotonicMs(),
      grantEpoch: (type, id) => options.ports.router.grantEpoch(type, id),
      ...(options.kernelLimits && { limits: options.kernelLimits }),
    })
    this.refs = new RefTable(this)
    this.descriptions = this.#descriptions
    this.codec = new NodeCodec(this.refs)
    this.topics = new Topics(this)
    for (const [name, entityClass] of Object.entries(options.entities)) {
      if (name === TOPIC_TYPE)
        throw new EpicError('AppInvalid', `Cannot use a class called ${name}: topics are`)
      this.know(name, entityClass)
    }
    this.#types = new Map(
      [...this.descriptions].map(([name, description]) => [name, this.kernel.addType(description)]),
    )
    const host = new Host(this)
    this.durability = new Durability(this, this.codec)
    this.lifecycle = new Lifecycle(this, host)
    this.#runner = new TurnRunner(this)
    this.#windows = new CallerWindows(options.nodeId)
    this.#deadlocks = new DeadlockExchange(this)
    this.tasks = new TaskScheduler(this)
    this.indexes = new IndexBuilder(this)
    this.pool = createPool(this)
    this.requests.set(QUERY_REQUEST, (_from, args) => walkQuery(this, args[0] as QueryText))
    this.#armTick()
  }

  /** Makes refs to a class possible. One that is not in `entities` is only called, wherever it lives. */
  know(name: string, entityClass: EntityClass): void {
    const description = describeClass(name, entityClass)
    this.#descriptions.set(name, description)
    this.#names.set(entityClass, name)
    this.refs.add(description)
  }

  get typeNames(): readonly string[] {
    return [...this.descriptions.keys()].filter((name) => name !== TOPIC_TYPE)
  }

  refTo(type: string, id: string | number): RefObject {
    const ref = this.refs.get(type, String(id))
    if (ref !== undefined) return ref
    if (!this.descriptions.has(type)) throw unknownType(type, this.typeNames)
    throw invalidId(type, String(id))
  }

  ref<E>(target: EntityClass<E & Entity> | Contract<E>, id: string | number): Ref<E> {
    return this.refTo(this.nameOf(target), checkedId(id)) as unknown as Ref<E>
  }

  singleton<E>(target: EntityClass<E & Entity> | Contract<E>): Ref<E> {
    return this.ref(target, 0)
  }

  async create<E extends Entity>(
    target: EntityClass<E>,
    id: string | number,
    initial?: InitialState<E>,
  ): Promise<Ref<E>> {
    const ref = this.refTo(this.nameOf(target), checkedId(id))
    await (this.invoke(ref, createOperation, [initial ?? {}]) as Promise<unknown>)
    return ref as unknown as Ref<E>
  }

  query<E extends Entity>(target: EntityClass<E>): Query<E> {
    return createQuery<E>(this, this.description(this.nameOf(target)))
  }

  topic<M>(name: string): TopicPublisher<M> {
    return this.topics.publisher<M>(name)
  }

  nameOf(target: unknown): string {
    const name = this.#names.get(target)
    if (name !== undefined) return name
    const contractName = (target as { name?: unknown }).name
    if (typeof target !== 'function' && typeof contractName === 'string') return contractName
    throw unknownType(
      String((target as { name?: unknown } | undefined)?.name ?? target),
      this.typeNames,
    )
  }

  description(type: string): ClassDescription {
    const description = this.descriptions.get(type)
    if (description === undefined) throw unknownType(type, this.typeNames)
    return description
  }

  type(name: string): EntityType {
    const type = this.#types.get(name)
    if (type === undefined) throw unknownType(name, this.typeNames)
    return type
  }

  invoke(ref: RefObject, operation: OperationDescription, args: readonly unknown[]): unknown {
    const parent = currentTurn()
    if (parent === null && !this.#isDrainScheduled) this.kernel.now = this.ports.clock.monotonicMs()
    if (this.isDevelopment) guardMessage(args, `${descriptionOf(ref).name}.${operation.name}(…)`)
    return operation.oneWay
      ? this.#tell(new UnawaitedCall(this, ref, operation, args, parent, this.reportFailure))
      : this.#await(new AwaitedCall(this, ref, operation, args, parent))
  }

  #tell(message: UnawaitedCall): void {
    if (this.observer !== null) this.observer.callMade(message)
    this.#send(message)
  }

  /** A call from outside, under a number that its caller keeps when it repeats the call. */
  invokeNumbered(
    ref: RefObject,
    operation: OperationDescription,
    args: readonly unknown[],
    number: CallNumber,
  ): Promise<unknown> {
    const call = new AwaitedCall(this, ref, operation, args, null)
    if (operation.idempotent) call.number = number
    return this.#await(call)
  }

  /** Fires a task at its entity: calls its operation. */
  fire(type: string, id: string, task: DueTask): Promise<unknown> {
    const description = this.description(type)
    const operation = description.operations.get(task.operation)
    if (operation === undefined) {
      const attempt = `Cannot fire the task "${task.key}" of "${type}/${id}"`
      throw unknownOperation(attempt, description, task.operation)
    }
    const call = new AwaitedCall(this, this.refTo(type, id), operation, task.args, null)
    call.task = task
    return this.#await(call)
  }

  #await(call: AwaitedCall): Promise<unknown> {
    this.kernel.expect(call)
    if (this.#tickAt > this.kernel.now + this.limits.tickMs)
      this.wakeAt(this.kernel.now + this.limits.tickMs)
    if (this.observer !== null) this.observer.callMade(call)
    if (!call.operation.idempotent || call.number !== null || this.#windows.admit(call))
      this.#send(call)
    return call.promise
  }

  /** Resolves when an entity, wherever it lives, has been activated and has answered. */
  async ping(type: string, id: string): Promise<void> {
    await (this.invoke(this.refTo(type, id), pingOperation, []) as Promise<unknown>)
  }

  /** Makes a call of the node's own to an entity here; its failure is logged. */
  start(activation: Activation, operation: OperationDescription, args: readonly unknown[]): void {
    const ref = this.refTo(activation.type.plan.name, activation.id)
    const call = new UnawaitedCall(this, ref, operation, args, null, this.reportFailure)
    if (this.observer !== null) this.observer.callMade(call)
    this.kernel.acceptAt(activation, call)
    this.scheduleDrain()
  }

  readonly reportFailure = (error: unknown, call: EntityCall): void => {
    if (call.operation.unreliable && isEpicError(error) && error.code === 'Overloaded') {
      this.#shedMessages += 1
      return
    }
    // A node that lost its right to go on has said so, once; not again for each of its entities.
    const isNews = this.ports.router.canServe(this.ports.clock.monotonicMs())
    const message = `${call.ref.toString()}.${call.operation.name} failed and nobody awaits it`
    this.log[isNews ? 'error' : 'debug'](message, { error })
  }

  #send(call: EntityCall): void {
    const turn = call.parent
    const caller = turn === null ? null : turn.activation
    if (caller !== null) {
      if (this.durability.isLost(caller)) {
        call.reject(lostActivation(caller))
        return
      }
      if (keptUntilCommit(turn as Call, call)) return
      if (this.durability.mustHold(caller, turn as Call)) {
        this.hold(caller, call)
        return
      }
    }
    this.dispatch(call)
  }

  /** Whether an entity is in memory here, in whatever state. */
  isActive(ref: RefObject): boolean {
    return this.#types.get(descriptionOf(ref).name)?.activations.has(idBehind(ref)) === true
  }

  /** Whether earlier calls to the same entity, which has ended here, have still to be sent on. */
  isBehind(call: EntityCall): boolean {
    const { ref } = call
    // A type that this node does not have never lived here: a script's refs may be of such.
    const type = this.#types.get(descriptionOf(ref).name)
    return type !== undefined && this.kernel.isBehind(type, idBehind(ref), call)
  }

  dispatch(call: EntityCall): void {
    if (call.settled && !call.operation.oneWay) return
    const { ref } = call
    const place = placeOf(ref)
    if (place !== null && place.state !== 'gone') {
      this.kernel.acceptAt(place, call)
      this.scheduleDrain()
    } else if (this.#isElsewhere(ref) && !this.isBehind(call)) {
      this.ports.router.send(call, this.kernel.now)
    } else {
      if (this.#beginsElsewhere(call)) return
      const wasElsewhere = wayOf(ref) !== null && !this.isBehind(call)
      if (wasElsewhere && this.ports.router.mustFollow?.(call) === true) return
      this.kernel.accept(this.type(descriptionOf(ref).name), idBehind(ref), call)
      if (!wasElsewhere) setPlace(ref, call.activation)
      this.scheduleDrain()
    }
  }

  #isElsewhere(ref: RefObject): boolean {
    return (
      descriptionOf(ref).placement !== 'anywhere' &&
      !this.isActive(ref) &&
      (!this.ports.router.isHome(ref) || this.ports.router.isHeldFor?.(ref) === true)
    )
  }

  /** Whether an entity that is active nowhere is placed at another node, by what its class says; then the call is on its way. */
  #beginsElsewhere(call: EntityCall): boolean {
    const { placement } = descriptionOf(call.ref)
    if (placement === 'hash' || placement === 'anywhere' || this.isActive(call.ref)) return false
    if (this.isBehind(call)) return false
    return this.ports.router.beginElsewhere?.(call) === true
  }

  /** From within an `await`: what follows from it must wait until that is done. */
  handleAwaited(call: EntityCall): void {
    this.#awaited.push(call)
    this.scheduleDrain()
  }

  handleSettled(call: EntityCall): void {
    this.kernel.handleSettled(call)
    if (this.observer !== null) this.observer.callSettled(call)
    if (call.operation.idempotent) this.#windows.settle(call, this.#sendLater)
  }

  /** What certainly did not run goes on to the next place; so does what may have run, where a repeat is recognised. */
  repeat(call: EntityCall, error: unknown): boolean {
    if (!isEpicError(error) || this.#isClosed) return false
    const isRepeatable =
      error.code === 'NodeStopping' || (call.number !== null && REPEATED.has(error.code))
    if (!isRepeatable || call.deadlineAt <= this.kernel.now) return false
    call.reset()
    call.mayHaveRun ||= error.retry === 'unknown'
    return this.ports.router.hold(call)
  }

  readonly #sendLater = (call: EntityCall): void => this.#send(call)

  /** Holds something at the gate of an entity, and sees to it that the gate is looked at. */
  hold(activation: Activation, held: Held): void {
    this.kernel.hold(activation, held)
    this.scheduleSettle()
  }

  /** Performs a request to the outside. */
  submit<S extends Syscall>(syscall: S): Token<S> {
    const token = new Token(syscall)
    if (this.observer !== null) this.observer.submitted(token as unknown as Token, currentTurn())
    if (syscall.kind === 'sleep') {
      this.ports.clock.setTimer(() => token.complete(undefined as ResultOf<S>), syscall.ms)
    } else {
      this.ports.files.perform(syscall).then(
        (result) => token.complete(result as ResultOf<S>),
        (error: unknown) => token.fail(error),
      )
    }
    return token
  }

  scheduleDrain(): void {
    if (this.#isDrainScheduled || this.#isClosed) return
    this.#isDrainScheduled = true
    this.#drains += 1
    if (this.#drains % 64 === 0 && this.ports.clock.monotonicMs() > this.#sliceEndsAt)
      this.ports.clock.yield(this.#drainFresh)
    else queueMicrotask(this.#drain)
  }

  scheduleSettle(): void {
    if (this.#isSettleScheduled || this.#isClosed) return
    this.#isSettleScheduled = true
    queueMicrotask(this.#settle)
  }

  readonly #drainFresh = (): void => {
    this.#sliceEndsAt = this.ports.clock.monotonicMs() + this.limits.sliceMs
    this.#drain()
  }

  readonly #drain = (): void => {
    this.#isDrainScheduled = false
    if (this.#isClosed) return
    const { kernel } = this
    kernel.now = this.ports.clock.monotonicMs()
    if (!this.ports.router.canServe(kernel.now)) return
    if (this.#awaited.length > 0)
      for (const call of this.#awaited.splice(0)) kernel.handleAwaited(call)
    // Effects first: a call that goes on elsewhere must leave before the calls that turns make now.
    this.#performEffects()
    for (let call = kernel.pollTurn(); call !== undefined; call = kernel.pollTurn()) {
      this.#turnsToSample -= 1
      if (this.#turnsToSample === 0) this.#sampleTurn(call as EntityCall)
      this.#runner.run(call as EntityCall)
    }
    this.#performEffects()
    if (kernel.queued > 0) this.scheduleDrain()
    if (this.#tick === null) this.#armTick()
  }

  /** Shows each so-many-th turn, before it runs, to whoever wants to know what the node does. */
  sampleTurns(every: number, onTurn: (call: EntityCall) => void): void {
    this.#sampleEvery = every
    this.#turnsToSample = every
    this.#onSampled = onTurn
  }

  #sampleTurn(call: EntityCall): void {
    this.#turnsToSample = this.#sampleEvery
    this.#onSampled?.(call)
  }

  #performEffects(): void {
    const { kernel } = this
    for (let effect = kernel.pollEffect(); effect !== undefined; effect = kernel.pollEffect())
      this.lifecycle.perform(effect)
  }

  readonly #settle = (): void => {
    this.#isSettleScheduled = false
    if (this.#isClosed || !this.ports.router.canServe(this.ports.clock.monotonicMs())) return
    this.durability.settle()
  }

  /** Arms the next tick: at the next timer, or after the coarse period while anything is alive. */
  #armTick(): void {
    const { kernel } = this
    const { tickMs, idleTickMs } = this.limits
    const hasPending = kernel.counts.pendingCalls > 0
    const coarse = hasPending ? tickMs : kernel.isEmpty ? Infinity : idleTickMs
    this.wakeAt(Math.min(kernel.nextTimerAt, kernel.now + coarse))
  }

  /** Sees to it that the kernel is told the time at this instant, or before. */
  wakeAt(instant: number): void {
    if (instant >= this.#tickAt || instant === Infinity || this.#isClosed) return
    this.#tick?.cancel()
    this.#tickAt = instant
    this.#tick = this.ports.clock.setTimer(
      this.#handleTick,
      Math.max(0, instant - this.ports.clock.monotonicMs()),
    )
  }

  readonly #handleTick = (): void => {
    const lateMs = this.ports.clock.monotonicMs() - this.#tickAt
    this.#tick = null
    this.#tickAt = Infinity
    if (this.#isClosed) return
    if (lateMs > this.limits.slowTurnMs) this.#reportSlowTurn(lateMs)
    for (const call of this.kernel.handleTick(this.ports.clock.monotonicMs())) this.#expire(call)
    this.#deadlocks.handleTick()
    // What a node left undone while it could not serve is done now, if a renewal came after all.
    this.scheduleDrain()
    this.scheduleSettle()
    this.#armTick()
  }

  /** Something held the thread: sockets, timers and leases had to wait for it. */
  #reportSlowTurn(lateMs: number): void {
    const turn = lastTurn()
    const { activation } = turn ?? {}
    const operation = activation
      ? `${activation.type.plan.name}/${activation.id}.${turn?.operation.name ?? ''}`
      : 'unknown'
    this.log.warn('the event loop was held up', {
      heldMs: Math.round(lateMs),
      lastOperation: operation,
    })
  }

  #expire(call: Call): void {
    const wasStarted = call.status === 'running' || call.status === 'ended'
    const mayHaveRun = wasStarted || (call as EntityCall).mayHaveRun || this.isElsewhere(call)
    const { ref, operation } = call as EntityCall
    const error = new EpicError(
      'Timeout',
      `Cannot call ${operation.name} of "${ref.toString()}": no reply within ${operation.timeoutMs} ms`,
      { retry: mayHaveRun ? 'unknown' : 'safe' },
    )
    if (call.status === 'waiting') this.kernel.failWaiting(call, error)
    else call.fail(error)
  }

  /** Whether a call has left for another node. */
  isElsewhere(call: Call): boolean {
    return (
      call.status === 'made' &&
      call.activation === null &&
      !this.ports.router.isHome((call as EntityCall).ref)
    )
  }

  /** Ends at once, as a crash would: nothing more runs, is written or is sent. */
  close(): void {
    this.#isClosed = true
    this.#tick?.cancel()
    this.tasks.stop()
  }

  /** Unreliable messages that no mailbox had room for. */
  get shedMessages(): number {
    return this.#shedMessages
  }

  get isClosed(): boolean {
    return this.#isClosed
  }
}
