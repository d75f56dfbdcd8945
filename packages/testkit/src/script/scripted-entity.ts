/** One entity under a script: it is called, what comes out of it is expected, and time passes when the test says so. */
import { isDeepStrictEqual } from 'node:util'
import { PARTITIONS } from '@epicserver/contracts'
import type { DeactivationReason } from '@epicserver/kernel'
import type { Entity, EntityClasses, FieldName, LogLevel, OperationName } from '@epicserver/runtime'
import type { MemoryDisk } from '@epicserver/store-memory'
import type { VirtualTime } from '../virtual-time.ts'
import { describeValue } from './describe-value.ts'
import { ExpectationFailed } from './expectation-failed.ts'
import { ScriptNode, type LogLine } from './script-node.ts'
import type { Save } from './scripted-store.ts'
import {
  Expectations,
  ScriptedTurn,
  type ArgumentsOf,
  type ResultOfOperation,
} from './scripted-turn.ts'

/** The fields of an entity, as they are saved. */
export type StateOf<E> = { readonly [K in Exclude<FieldName<E>, keyof Entity>]: E[K] }

/** A timer that is set. */
export interface SetTimer {
  readonly key: string
  /** Empty where it calls a closure. */
  readonly operation: string
  readonly args: readonly unknown[]
  readonly inMs: number
  readonly intervalMs: number
}

/** A durable task that is saved. */
export interface SavedTask {
  readonly key: string
  readonly operation: string
  readonly args: readonly unknown[]
  /** Milliseconds since 1970. */
  readonly dueMs: number
}

/** A save that is expected; where saves are held, the test says what becomes of it. */
export interface ExpectedSave<E> {
  /** Waits for the save, lets it be done, and returns the fields that it holds. */
  done(): Promise<StateOf<E>>
  /** Waits for the save, and lets it fail. */
  fail(error: Error): Promise<void>
}

/** What a scripted entity is made of. */
export interface ScriptSetup {
  readonly type: string
  readonly id: string
  readonly entities: EntityClasses
  readonly disk: MemoryDisk
  readonly time: VirtualTime
  readonly wallMs: number
  readonly random: () => number
  readonly areSavesHeld: boolean
  /** What is saved when the script begins. */
  readonly initial?: { readonly state: object; readonly version: number | undefined }
}

/** Calls an entity, and expects what comes out of it. What a turn does is expected of the turn. */
export class ScriptedEntity<E extends Entity> extends Expectations {
  readonly #setup: ScriptSetup
  #node: ScriptNode
  #epoch = 1

  constructor(setup: ScriptSetup) {
    super(() => this.#node, `${setup.type}/${setup.id}`)
    this.#setup = setup
    this.#node = new ScriptNode({ ...setup, epoch: this.#epoch })
    if (setup.initial !== undefined) this.#node.save(setup.initial.state, setup.initial.version)
  }

  /** Calls an operation, as another entity would: the arguments cross a message. */
  call<K extends OperationName<E>>(
    operation: K,
    ...args: ArgumentsOf<E, K>
  ): ScriptedTurn<ResultOfOperation<E, K>> {
    const { type, id } = this.#setup
    const turn = {}
    this.#node.call(turn, operation, args as readonly unknown[])
    return new ScriptedTurn(this.script, `${type}/${id}.${operation}`, turn)
  }

  /**
   * The fields as they are now.
   * @throws ExpectationFailed while the entity is not in memory
   */
  get state(): StateOf<E> {
    const { activation, node } = this.#node
    if (activation === undefined || activation.instance === null) {
      throw new ExpectationFailed(
        `${this.#setup.type}/${this.#setup.id} is not in memory: call it, or activate() it, before you look at its state`,
      )
    }
    return node.durability.fieldsOf(activation) as StateOf<E>
  }

  /**
   * Brings the entity into memory without calling an operation. Where `onActivate` waits for something, the script answers that
   * next.
   * @throws what `onActivate`, or the upgrade of its state, throws
   */
  async activate(): Promise<void> {
    const { type, id } = this.#setup
    let failure: { readonly error: unknown } | undefined
    this.#node.node.ping(type, id).catch((error: unknown) => (failure = { error }))
    await this.#node.quiet()
    if (failure !== undefined) throw failure.error
  }

  /** Lets the entity be put away, with `onDeactivate`. */
  async deactivate(reason: DeactivationReason = 'idle'): Promise<void> {
    const { activation, node } = this.#node
    await this.#node.quiet()
    if (activation === undefined || !node.kernel.deactivate(activation, reason)) {
      throw new ExpectationFailed(
        `${this.#setup.type}/${this.#setup.id} cannot be put away: it is ${activation === undefined ? 'not in memory' : 'busy'}`,
      )
    }
    node.scheduleDrain()
    await this.#node.quiet()
  }

  /** Ends the process under the entity: what was not saved is lost, and the next call loads what was. */
  async crash(): Promise<void> {
    this.#node.node.close()
    await this.#node.quiet()
    this.#epoch += 1
    this.#node = new ScriptNode({ ...this.#setup, epoch: this.#epoch })
  }

  /** Lets time pass: timers and tasks fire, sleeps end, deadlines come. */
  async advance(ms: number): Promise<void> {
    await this.#node.advance(ms)
  }

  /** The wall-clock time that the entity sees. */
  get now(): number {
    return this.#setup.wallMs + this.#setup.time.now
  }

  /** Expects the next save; given fields are compared with those that it holds. */
  expectSave(fields?: Partial<StateOf<E>>): ExpectedSave<E> {
    return {
      done: async () => {
        const { save, state } = await this.#takeSave(fields)
        save.done()
        await this.#node.quiet()
        return state
      },
      fail: async (error) => {
        const { save } = await this.#takeSave(fields)
        if (save.isSettled)
          throw new ExpectationFailed(
            'The save was done already: hold saves with script(…, { saves: "held" })',
          )
        save.fail(error)
        await this.#node.quiet()
      },
    }
  }

  async #takeSave(
    fields: Partial<StateOf<E>> | undefined,
  ): Promise<{ save: Save; state: StateOf<E> }> {
    await this.#node.quiet()
    const save = this.#node.store.saves.shift()
    const { type, id } = this.#setup
    if (save === undefined)
      throw new ExpectationFailed(`Expected ${type}/${id} to be saved, but it was not`)
    const state = this.#fieldsIn(save)
    for (const [field, expected] of Object.entries(fields ?? {})) {
      const actual = (state as Record<string, unknown>)[field]
      if (isDeepStrictEqual(actual, this.#node.cross(expected))) continue
      throw new ExpectationFailed(
        `Expected ${type}/${id} to be saved with ${field} ${describeValue(expected)}, but it was ${describeValue(actual)}`,
        { expected, actual },
      )
    }
    return { save, state }
  }

  #fieldsIn({ bytes }: Save): StateOf<E> {
    return bytes === undefined ? ({} as StateOf<E>) : this.#fieldsOf(bytes)
  }

  #fieldsOf(bytes: Uint8Array): StateOf<E> {
    const { type, id } = this.#setup
    return this.#node.node.durability.stateOf(type).decode(bytes, { type, id }).state as StateOf<E>
  }

  /** The fields as they are saved now; `undefined` where nothing is, or all was deleted by `forget`. */
  get saved(): StateOf<E> | undefined {
    const { type, id, disk } = this.#setup
    const bytes = disk.read({ type, id })?.bytes
    return bytes ? this.#fieldsOf(bytes) : undefined
  }

  /** The timers that are set. */
  get timers(): SetTimer[] {
    const timers = [...(this.#node.activation?.timers?.values() ?? [])]
    return timers.map(({ key, operation, args, dueAt, intervalMs }) => ({
      key,
      operation,
      args,
      inMs: dueAt - this.#setup.time.now,
      intervalMs,
    }))
  }

  /** The durable tasks that are saved, the earliest first. */
  get tasks(): SavedTask[] {
    const partitions = new Set(Array.from({ length: PARTITIONS }, (_, i) => i))
    const tasks = this.#setup.disk.due({ partitions, beforeMs: Infinity, limit: Infinity })
    return tasks.map(({ key, dueMs, body }) => {
      const { operation, args } = this.#node.node.codec.decodeState(
        body,
        'CorruptRecord',
        `the task "${key}"`,
      ) as SavedTask
      return { key, operation, args, dueMs }
    })
  }

  /** The lines that the entity, or the server about it, wrote to the log. */
  get logs(): readonly LogLine[] {
    return this.#node.logs
  }

  /** Expects a line in the log. */
  expectLog(level: LogLevel, message: string | RegExp): void {
    const isMeant = (line: LogLine): boolean => {
      const isText =
        typeof message === 'string' ? line.message === message : message.test(line.message)
      return line.level === level && isText
    }
    if (this.logs.some(isMeant)) return
    const lines = this.logs.map((line) => `${line.level} ${line.message}`)
    throw new ExpectationFailed(
      `Expected ${level} "${String(message)}" in the log, but it holds ${lines.length === 0 ? 'nothing' : lines.join('; ')}`,
    )
  }
}
