/** What a turn of a scripted entity is expected to do. */
import { isDeepStrictEqual } from 'node:util'
import { formatEntityId, isEpicError, type EntityId, type ErrorCode } from '@epicserver/contracts'
import {
  entityOf,
  TOPIC_TYPE,
  type OneWayName,
  type OperationName,
  type Ref,
} from '@epicserver/runtime'
import type { FileSyscall, ResultOf } from '@epicserver/runtime'
import { describeValue } from './describe-value.ts'
import {
  describeCall,
  describeEmission,
  type CallEmission,
  type Emission,
  type FileEmission,
  type TurnId,
} from './emission.ts'
import { ExpectationFailed } from './expectation-failed.ts'
import type { ScriptNode } from './script-node.ts'

/** The arguments of an operation. */
export type ArgumentsOf<E, K extends keyof E> = E[K] extends (...args: infer A) => unknown
  ? A
  : never

/** What an operation results in. */
export type ResultOfOperation<E, K extends keyof E> = E[K] extends (
  ...args: never[]
) => Promise<infer R>
  ? R
  : void

/** An error by its code, its class, a part of its message, or whatever a function says of it. */
export type ErrorMatcher =
  | ErrorCode
  | RegExp
  | (abstract new (...args: never[]) => Error)
  | ((error: unknown) => boolean)

/** A call that came out of the entity, and waits for its outcome. */
export interface ReceivedCall<R> {
  readonly args: readonly unknown[]
  reply(value: R): Promise<void>
  fail(error: Error): Promise<void>
}

/** Something that is expected to come out, and is then answered. */
export interface ExpectedCall<R> {
  /** Waits for the call, and lets it succeed. */
  reply(value: R): Promise<void>
  /** Waits for the call, and lets it fail: an `EpicError` as the server's failure, any other as the operation's. */
  fail(error: Error): Promise<void>
  /** Waits for the call, and leaves it without an outcome for now. */
  received(): Promise<ReceivedCall<R>>
}

/** A file request that is expected, and is then answered. */
export interface ExpectedFile<R> {
  complete(result: R): Promise<void>
  fail(error: Error): Promise<void>
}

type OptionalArguments<E, K extends keyof E> = [] | ArgumentsOf<E, K>
type AwaitedName<E> = Exclude<OperationName<E>, OneWayName<E>>
type FileResult<K extends FileSyscall['kind']> = ResultOf<Extract<FileSyscall, { kind: K }>>

/** Expects what comes out, in the order in which it does. */
export class Expectations {
  protected readonly script: () => ScriptNode
  readonly #who: string
  readonly #turn: TurnId | undefined

  /** Without a `turn` whatever comes out of the entity is meant, whoever made it. */
  constructor(script: () => ScriptNode, who: string, turn?: TurnId) {
    this.script = script
    this.#who = who
    this.#turn = turn
  }

  /**
   * Expects the next thing to be a call of another entity.
   * @param args - compared, unless none are given
   * @throws ExpectationFailed when something else comes, or nothing
   */
  expectCall<F, K extends AwaitedName<F>>(
    ref: Ref<F>,
    operation: K,
    ...args: OptionalArguments<F, K>
  ): ExpectedCall<ResultOfOperation<F, K>> {
    const to = entityOf(ref as unknown as Ref<object>)
    return this.#answered(this.#expectCall('call', to, operation, args as readonly unknown[]))
  }

  #answered<R>(taken: () => Promise<CallEmission>): ExpectedCall<R> {
    return {
      reply: async (value) => this.#reply(await taken(), value),
      fail: async (error) => this.#fail(await taken(), error),
      received: async () => {
        const emission = await taken()
        return {
          args: emission.call.args,
          reply: (value) => this.#reply(emission, value),
          fail: (error) => this.#fail(emission, error),
        }
      },
    }
  }

  async #reply(emission: CallEmission, value: unknown): Promise<void> {
    this.script().unanswered.delete(emission)
    emission.call.succeed(this.script().cross(value))
    await this.script().quiet()
  }

  async #fail(emission: CallEmission, error: Error): Promise<void> {
    this.script().unanswered.delete(emission)
    if (isEpicError(error)) emission.call.fail(error)
    else emission.call.reject(error)
    await this.script().quiet()
  }

  /** Expects the next thing to be a one-way message to another entity. */
  async expectMessage<F, K extends OneWayName<F>>(
    ref: Ref<F>,
    operation: K,
    ...args: OptionalArguments<F, K>
  ): Promise<void> {
    const to = entityOf(ref as unknown as Ref<object>)
    await this.#expectCall('message', to, operation, args as readonly unknown[])()
  }

  /**
   * Expects the next thing to be a message that is published to a topic.
   * @param message - compared, unless none is given
   */
  async expectPublish(topic: string, ...message: [] | [unknown]): Promise<void> {
    await this.#expectCall('message', { type: TOPIC_TYPE, id: topic }, 'publish', message)()
  }

  /** Expects the next thing to be that the entity subscribes to a topic. */
  expectSubscribe(topic: string): ExpectedCall<void> {
    return this.#answered(
      this.#expectCall('call', { type: TOPIC_TYPE, id: topic }, 'subscribe', []),
    )
  }

  /** Expects the next thing to be that the entity ends its subscription to a topic. */
  expectUnsubscribe(topic: string): ExpectedCall<void> {
    return this.#answered(
      this.#expectCall('call', { type: TOPIC_TYPE, id: topic }, 'unsubscribe', []),
    )
  }

  /** Expects the next thing to be a file request. */
  expectFile<K extends FileSyscall['kind']>(kind: K, path: string): ExpectedFile<FileResult<K>> {
    const wanted = `ask for ${kind} of "${path}"`
    const taken = async (): Promise<FileEmission> => {
      const emission = await this.#next(wanted)
      if (
        emission.kind !== 'file' ||
        emission.request.kind !== kind ||
        emission.request.path !== path
      )
        throw this.#other(wanted, emission)
      this.#take(emission)
      this.script().unanswered.delete(emission)
      return emission
    }
    return {
      complete: async (result) => {
        const emission = await taken()
        emission.complete(result)
        await this.script().quiet()
      },
      fail: async (error) => {
        const emission = await taken()
        emission.fail(error)
        await this.script().quiet()
      },
    }
  }

  /** Expects a sleep of this length to have begun. It ends when time passes: see `advance`. */
  async expectSleep(ms: number): Promise<void> {
    const script = this.script()
    await script.quiet()
    const index = script.sleeps.findIndex(
      ({ turn, ms: found }) => found === ms && this.#isMine(turn),
    )
    if (index < 0) {
      const found = script.sleeps
        .filter(({ turn }) => this.#isMine(turn))
        .map((sleep) => `${sleep.ms} ms`)
      throw new ExpectationFailed(
        `Expected ${this.#who} to sleep ${ms} ms, but ${found.length === 0 ? this.#waits() : `it sleeps ${found.join(', ')}`}`,
      )
    }
    script.sleeps.splice(index, 1)
  }

  /** Expects that nothing has come out that was not expected. */
  async expectNothing(): Promise<void> {
    await this.script().quiet()
    const emission = this.#first()
    if (emission !== undefined) throw this.#other('do nothing', emission)
  }

  protected async nextOutcome(
    wanted: string,
  ): Promise<Extract<Emission, { kind: 'reply' | 'error' }>> {
    const emission = await this.#next(wanted)
    if (emission.kind !== 'reply' && emission.kind !== 'error') throw this.#other(wanted, emission)
    this.#take(emission)
    return emission
  }

  protected failed(
    wanted: string,
    emission: Emission,
    compared?: { readonly expected: unknown; readonly actual: unknown },
  ): ExpectationFailed {
    return this.#other(wanted, emission, compared)
  }

  #expectCall(
    kind: CallEmission['kind'],
    to: EntityId,
    operation: string,
    args: readonly unknown[],
  ): () => Promise<CallEmission> {
    const name = `${formatEntityId(to)}.${operation}`
    const isCompared = args.length > 0
    const wanted = `${kind === 'call' ? 'call' : 'send'} ${name}(${isCompared ? args.map((arg) => describeValue(arg)).join(', ') : ''})`
    return async () => {
      const emission = await this.#next(wanted)
      if (emission.kind !== kind) throw this.#other(wanted, emission)
      const { call } = emission as CallEmission
      if (`${call.ref.toString()}.${call.operation.name}` !== name)
        throw this.#other(wanted, emission)
      const expected = isCompared ? this.script().cross(args) : undefined
      if (isCompared && !isDeepStrictEqual(call.args, expected))
        throw this.#other(wanted, emission, { expected, actual: call.args })
      this.#take(emission)
      return emission as CallEmission
    }
  }

  async #next(wanted: string): Promise<Emission> {
    await this.script().quiet()
    const emission = this.#first()
    if (emission === undefined)
      throw new ExpectationFailed(`Expected ${this.#who} to ${wanted}, but ${this.#waits()}`)
    return emission
  }

  #first(): Emission | undefined {
    return this.script().emissions.find(({ turn }) => this.#isMine(turn))
  }

  #isMine(turn: TurnId): boolean {
    return this.#turn === undefined || this.#turn === turn
  }

  #take(emission: Emission): void {
    const { emissions } = this.script()
    emissions.splice(emissions.indexOf(emission), 1)
  }

  #other(
    wanted: string,
    emission: Emission,
    compared?: { readonly expected: unknown; readonly actual: unknown },
  ): ExpectationFailed {
    return new ExpectationFailed(
      `Expected ${this.#who} to ${wanted}, but it ${describeEmission(emission)}`,
      compared,
    )
  }

  /** Why nothing more comes. */
  #waits(): string {
    const { unanswered, sleeps, store, node } = this.script()
    const now = node.ports.clock.monotonicMs()
    const reasons = [
      ...[...unanswered]
        .filter(({ turn }) => this.#isMine(turn))
        .map((emission) => describeWaiting(emission)),
      ...sleeps
        .filter(({ turn, untilMs }) => this.#isMine(turn) && untilMs > now)
        .map(({ untilMs }) => `a sleep that ends in ${untilMs - now} ms: see advance()`),
      ...store.saves.filter(({ isSettled }) => !isSettled).map(() => 'a save: see expectSave()'),
    ]
    return reasons.length === 0
      ? 'nothing comes any more'
      : `it waits for ${reasons.join(', and for ')}`
  }
}

function describeWaiting(emission: Emission): string {
  return emission.kind === 'call'
    ? `the outcome of ${describeCall(emission.call)}`
    : `what it ${describeEmission(emission)}`
}

/** One turn: a call that the script has made. */
export class ScriptedTurn<R> extends Expectations {
  /**
   * Expects the turn to end with this result.
   * @throws ExpectationFailed when something else comes first, or another result
   */
  async expectReply(value: R): Promise<void> {
    const wanted = `reply ${describeValue(value)}`
    const outcome = await this.nextOutcome(wanted)
    if (outcome.kind === 'error') throw this.failed(wanted, outcome)
    const expected = this.script().cross(value)
    if (!isDeepStrictEqual(outcome.value, expected))
      throw this.failed(wanted, outcome, { expected, actual: outcome.value })
  }

  /** Expects the turn to end well, and returns its result. */
  async reply(): Promise<R> {
    const outcome = await this.nextOutcome('reply')
    if (outcome.kind === 'error') throw this.failed('reply', outcome)
    return outcome.value as R
  }

  /** Expects the turn to end with an error, and returns it. */
  async expectError(matcher: ErrorMatcher): Promise<unknown> {
    const wanted = `fail with ${describeMatcher(matcher)}`
    const outcome = await this.nextOutcome(wanted)
    if (outcome.kind === 'reply' || !isMatch(matcher, outcome.error))
      throw this.failed(wanted, outcome)
    return outcome.error
  }
}

function isMatch(matcher: ErrorMatcher, error: unknown): boolean {
  if (typeof matcher === 'string') return (error as { code?: unknown } | null)?.code === matcher
  if (matcher instanceof RegExp) return error instanceof Error && matcher.test(error.message)
  if (isErrorClass(matcher)) return error instanceof matcher
  return (matcher as (error: unknown) => boolean)(error)
}

function isErrorClass(matcher: unknown): matcher is new () => Error {
  return typeof matcher === 'function' && (matcher === Error || matcher.prototype instanceof Error)
}

function describeMatcher(matcher: ErrorMatcher): string {
  return typeof matcher === 'function' ? matcher.name || 'a matching error' : String(matcher)
}
