/**
 * The node under a script: a real one, with its kernel, gates and codecs, on which one entity lives. Whatever else it asks of the
 * world is kept in order until the script says what comes of it. Nothing is mocked, and no time passes unless the script lets it.
 */
import { EpicError } from '@epicserver/contracts'
import type { Activation, Call } from '@epicserver/kernel'
import { EntityNode, entityBehind, SoloRouter } from '@epicserver/runtime'
import type {
  EntityCall,
  EntityClass,
  EntityClasses,
  FileSyscall,
  LogFacts,
  LogLevel,
  NodeObserver,
  Outcome,
  Router,
  Token,
} from '@epicserver/runtime'
import type { MemoryDisk } from '@epicserver/store-memory'
import { type VirtualTime } from '../virtual-time.ts'
import { knownClasses, learn } from './detached-ref.ts'
import type { Emission, TurnId } from './emission.ts'
import { ExpectationFailed } from './expectation-failed.ts'
import { ScriptedStore } from './scripted-store.ts'

/** A line that the entity wrote to its log. */
export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly facts: LogFacts
}

/** A sleep that the entity asked for. */
export interface Sleep {
  readonly turn: TurnId
  readonly ms: number
  readonly untilMs: number
}

/** What a script is run with. */
export interface ScriptNodeOptions {
  readonly type: string
  readonly id: string
  readonly entities: EntityClasses
  readonly disk: MemoryDisk
  readonly time: VirtualTime
  readonly wallMs: number
  readonly random: () => number
  readonly areSavesHeld: boolean
  /** Grows with each node on the same disk. */
  readonly epoch: number
}

/** More turns than this without time passing are turns without end. */
const TURNS_MAX = 100_000
/** Where in a record the class version stands, and up to which it is one byte. */
const VERSION_AT = 1
const VERSION_MAX = 127
const realImmediate = setImmediate

/** The one entity is here; all others are somewhere else. */
class ScriptRouter implements Router {
  readonly #grants: SoloRouter
  readonly #type: string
  readonly #id: string
  readonly #onSend: (call: EntityCall) => void

  constructor({ epoch, type, id }: ScriptNodeOptions, onSend: (call: EntityCall) => void) {
    this.#grants = new SoloRouter(epoch)
    this.#type = type
    this.#id = id
    this.#onSend = onSend
  }

  isHome(ref: EntityCall['ref']): boolean {
    const { type, id } = entityBehind(ref)
    return type === this.#type && id === this.#id
  }

  isReady(): boolean {
    return true
  }

  get readyPartitions(): ReadonlySet<number> {
    return this.#grants.readyPartitions
  }

  grantEpoch(type: string, id: string): bigint {
    return this.#grants.grantEpoch(type, id)
  }

  send(call: EntityCall): void {
    this.#onSend(call)
  }

  /** A call that goes on its way again comes out once more. */
  hold(call: EntityCall): boolean {
    this.#onSend(call)
    return true
  }

  askOthers(): Promise<PromiseSettledResult<unknown>[]> {
    return Promise.resolve([])
  }

  canServe(): boolean {
    return true
  }
}

/** Learns the classes that code asks refs for. */
class LearningNode extends EntityNode {
  override nameOf(target: unknown): string {
    if (typeof target === 'function') learn(this, target as EntityClass)
    return super.nameOf(target)
  }
}

export class ScriptNode {
  readonly node: EntityNode
  readonly store: ScriptedStore
  readonly emissions: Emission[] = []
  readonly sleeps: Sleep[] = []
  readonly logs: LogLine[] = []
  /** Calls and file requests that came out and have no answer. */
  readonly unanswered: Set<Emission> = new Set()
  readonly #options: ScriptNodeOptions
  readonly #turns = new WeakMap<Call, object>()
  readonly #origins = new WeakMap<Call, TurnId>()
  #made: EntityCall | null = null
  /** The turn of the last syscall: a file request is told of right before it is performed. */
  #asking: TurnId = null
  #turnCount = 0
  #stray: Error | undefined

  constructor(options: ScriptNodeOptions) {
    const { time } = options
    this.#options = options
    this.store = new ScriptedStore(options.disk, options.areSavesHeld)
    this.node = new LearningNode({
      nodeId: `script${options.epoch}`,
      entities: options.entities,
      mode: 'development',
      ports: {
        clock: {
          monotonicMs: () => time.now,
          wallMs: () => options.wallMs + time.now,
          setTimer: (run, delayMs) => time.after(Math.max(0, delayMs), run),
          yield: (run) => void time.after(0, run),
          afterTurns: (run) => process.nextTick(run),
        },
        random: options.random,
        store: this.store,
        router: new ScriptRouter(options, (call) => this.#emitCall(call)),
        files: { perform: (request) => this.#emitFile(request) },
        log: (level, message, facts) => this.logs.push({ level, message, facts }),
        observer: this.#observer(),
      },
    })
    this.node.tasks.start()
  }

  /** The entity in memory, if it is. */
  get activation(): Activation | undefined {
    const { type, id } = this.#options
    return this.node.kernel.types.get(type)?.activations.get(id)
  }

  /** Calls the entity; `turn` stands for the turn from then on. */
  call(turn: object, operation: string, args: readonly unknown[]): void {
    const { type, id } = this.#options
    const ref = this.node.refTo(type, id) as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >
    const method = ref[operation]
    if (method === undefined)
      throw new EpicError(
        'UnknownOperation',
        `Cannot call ${operation} of "${type}/${id}": ${type} has no such operation`,
      )
    this.#made = null
    const result = Reflect.apply(method, ref, this.cross(args) as unknown[])
    const made = this.#made as EntityCall | null
    if (made !== null) this.#turns.set(made, turn)
    if (!(result instanceof Promise)) return
    result.then(
      (value: unknown) => this.emissions.push({ kind: 'reply', turn, value }),
      (error: unknown) => this.emissions.push({ kind: 'error', turn, error }),
    )
  }

  /** A value as it arrives at the other side of a message. */
  cross(value: unknown): unknown {
    this.#learnAll()
    const { messages } = this.node.codec
    const result = messages.decode(messages.encode(value))
    if (!result.ok) throw new Error(`The value does not cross a message: ${result.problem}`)
    return result.value
  }

  /** Puts a state into the store, as an earlier life of the entity would have left it. */
  save(state: object, version: number | undefined): void {
    const { type, id, disk } = this.#options
    this.#learnAll()
    const bytes = this.node.durability.stateOf(type).encode(state, null, { type, id })
    if (version !== undefined) {
      if (!Number.isInteger(version) || version < 0 || version > VERSION_MAX)
        throw new RangeError(`stateVersion is ${version}: a script takes 0 to ${VERSION_MAX}`)
      bytes[VERSION_AT] = version
    }
    disk.write({ type, id }, { epoch: 0n, version: 0n }, { bytes })
  }

  /** Runs all that can run without time passing. */
  async quiet(): Promise<void> {
    const { time } = this.#options
    this.#turnCount = 0
    do await new Promise<void>((resolve) => realImmediate(resolve))
    while (time.step(time.now))
    if (this.#stray !== undefined) throw this.#stray
  }

  /** Lets time pass, event by event. */
  async advance(ms: number): Promise<void> {
    const { time } = this.#options
    const until = time.now + ms
    await this.quiet()
    while (time.step(until)) await this.quiet()
    time.pass(until)
  }

  #learnAll(): void {
    for (const entityClass of knownClasses().values()) learn(this.node, entityClass)
  }

  #emitCall(call: EntityCall): void {
    const kind = call.operation.oneWay ? 'message' : 'call'
    const emission: Emission = { kind, turn: this.#origins.get(call) ?? null, call }
    this.emissions.push(emission)
    if (kind === 'call') this.unanswered.add(emission)
  }

  #emitFile(request: FileSyscall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const turn = this.#asking
      const emission: Emission = { kind: 'file', turn, request, complete: resolve, fail: reject }
      this.emissions.push(emission)
      this.unanswered.add(emission)
    })
  }

  #observer(): NodeObserver {
    return {
      callMade: (call) => {
        this.#made = call
        this.#origins.set(call, this.#turnOf(call.parent))
      },
      callSettled: () => undefined,
      turnStarted: () => {
        this.#turnCount += 1
        if (this.#turnCount > TURNS_MAX) this.#giveUp()
      },
      turnEnded: (call, outcome) => this.#noteEnd(call, outcome),
      released: () => undefined,
      submitted: (token, turn) => this.#noteSyscall(token, turn),
    }
  }

  /** A one-way call has no outcome, but the script may wait for its end. */
  #noteEnd(call: EntityCall, outcome: Outcome): void {
    const turn = this.#turns.get(call)
    if (turn === undefined || !call.operation.oneWay) return
    if ('error' in outcome) this.emissions.push({ kind: 'error', turn, error: outcome.error })
    else this.emissions.push({ kind: 'reply', turn, value: undefined })
  }

  #noteSyscall({ syscall }: Token, turn: Call | null): void {
    this.#asking = this.#turnOf(turn)
    if (syscall.kind !== 'sleep') return
    this.sleeps.push({
      turn: this.#asking,
      ms: syscall.ms,
      untilMs: this.#options.time.now + syscall.ms,
    })
  }

  #turnOf(call: Call | null): TurnId {
    for (let turn = call; turn !== null; turn = turn.parent) {
      const known = this.#turns.get(turn)
      if (known !== undefined) return known
    }
    return null
  }

  #giveUp(): void {
    const { type, id } = this.#options
    this.#stray ??= new ExpectationFailed(
      `${type}/${id} does not come to rest: ${TURNS_MAX} turns, and no time has passed`,
    )
    this.node.close()
  }
}
