/** Performs the kernel's cold effects: claiming, waking, putting away, firing timers. */
import type { Activation, DeactivationReason, Effect, Timer } from '@epicserver/kernel'
import {
  constructEntity,
  type Entity,
  type EntityHost,
  type EntityLifecycle,
} from '../model/entity.ts'
import { UnawaitedCall, type EntityCall } from './entity-call.ts'
import { closureOperation, hookOperation } from './internal-operations.ts'
import { hasHeldCalls } from './held-calls.ts'
import type { EntityNode } from './node.ts'
import { setPlace } from '../model/ref.ts'
import { peekResidue, residueOf } from './residue.ts'
import { enterTurn } from './turn-context.ts'
import { pause } from './pause.ts'

/** How often it is looked whether what an entity has sent is on its way. */
const LOOK_AGAIN_MS = 10

type Hook = (entity: Entity & EntityLifecycle) => unknown

const activate: Hook = (entity) => entity.onActivate?.()

/** To the code of an entity that has no hook of its own for it a move is an end here and a beginning there. */
const moveOut: Hook = (entity) =>
  entity.onMoveOut === undefined ? entity.onDeactivate?.('moving') : entity.onMoveOut()

const moveIn: Hook = (entity) =>
  entity.onMoveIn === undefined ? entity.onActivate?.() : entity.onMoveIn()

export class Lifecycle {
  /** What entities get as their host. */
  readonly host: EntityHost
  readonly #node: EntityNode

  constructor(node: EntityNode, host: EntityHost) {
    this.#node = node
    this.host = host
  }

  perform(effect: Effect): void {
    switch (effect.kind) {
      case 'claim':
        void this.#node.durability.claim(effect.activation, this.host)
        break
      case 'rested':
        this.#node.ports.router.handleRested?.(effect.activation)
        break
      case 'wake':
        this.#wake(effect.activation)
        break
      case 'sleep':
        void this.#putAway(effect.activation, effect.reason)
        break
      case 'fire':
        this.#fire(effect.timer)
        break
      case 'redirect':
        this.#node.dispatch(effect.call as EntityCall)
        break
      case 'gone':
        this.#release(effect.activation)
        break
    }
  }

  /** An entity is about to leave for another node: its own code hears of it. */
  async sayGoodbye(activation: Activation): Promise<void> {
    await this.#runHook(activation, moveOut)
  }

  /** An entity has come from another node, or stays although it had said goodbye. */
  async welcome(activation: Activation): Promise<void> {
    await this.#runHook(activation, moveIn)
  }

  /** An entity that has come from another node is welcomed when it wakes. */
  expectWelcome(activation: Activation): void {
    residueOf(activation).hasMovedIn = true
  }

  #wake(activation: Activation): void {
    const { kernel, ports } = this.#node
    ports.router.handleAwake?.(activation)
    try {
      activation.instance ??= constructEntity(
        this.#description(activation).entityClass,
        activation,
        this.host,
      )
      const woken = this.#runHook(
        activation,
        peekResidue(activation).hasMovedIn ? moveIn : activate,
      )
      if (woken === undefined) {
        kernel.handleAwake(activation)
        return
      }
      woken.then(
        () => this.#then(() => kernel.handleAwake(activation)),
        (error: unknown) => this.#then(() => kernel.handleWakeFailed(activation, error)),
      )
    } catch (error) {
      kernel.handleWakeFailed(activation, error)
    }
  }

  async #putAway(activation: Activation, reason: DeactivationReason): Promise<void> {
    const { durability, kernel, log } = this.#node
    try {
      await this.#runHook(activation, (entity) => entity.onDeactivate?.(reason))
      await durability.saveLast(activation)
    } catch (error) {
      log.error('an entity could not be put away in order', {
        entity: `${activation.type.plan.name}/${activation.id}`,
        reason,
        error,
      })
    }
    if (hasHeldCalls(activation)) await this.#sent(activation, reason)
    this.#then(() => kernel.handleAsleep(activation))
  }

  /**
   * Resolves when nothing that an entity has sent waits here any more: from another node it would overtake that. A hand-over does not
   * wait for long, since what waits may wait for the hand-over.
   */
  async #sent(activation: Activation, reason: DeactivationReason): Promise<void> {
    const { ports, limits } = this.#node
    const { clock } = ports
    const until = reason === 'moving' ? clock.monotonicMs() + limits.handOverGraceMs : Infinity
    while (hasHeldCalls(activation) && clock.monotonicMs() < until) {
      if (activation.state === 'gone' || this.#node.isClosed) return
      await pause(clock, LOOK_AGAIN_MS)
    }
  }

  #fire(timer: Timer): void {
    const { activation } = timer
    if (timer.closure !== null) {
      this.#node.start(activation, closureOperation, [timer.closure])
      return
    }
    const operation = this.#description(activation).operations.get(timer.operation)
    if (operation !== undefined) this.#node.start(activation, operation, timer.args)
  }

  #release(activation: Activation): void {
    const ref = this.#node.refs.peek(activation.type.plan.name, activation.id)
    if (ref !== undefined) setPlace(ref, null)
    activation.instance = null
    this.#node.ports.router.handleGone?.(activation)
  }

  /** Runs a hook as a turn of the entity, so that what it does counts as the entity's doing. */
  #runHook(activation: Activation, hook: Hook): Promise<unknown> | undefined {
    const ref = this.#node.refTo(activation.type.plan.name, activation.id)
    const turn = new UnawaitedCall(
      this.#node,
      ref,
      hookOperation,
      [],
      null,
      this.#node.reportFailure,
    )
    this.#node.kernel.startHook(activation, turn)
    if (this.#node.observer !== null) this.#node.observer.turnStarted(turn)
    const before = enterTurn(turn)
    const end = (): void => this.#node.kernel.handleHookEnded(activation, turn)
    let result: unknown
    try {
      result = hook(activation.instance as Entity & EntityLifecycle)
    } finally {
      enterTurn(before)
      if (!(result instanceof Promise)) end()
    }
    return result instanceof Promise ? result.finally(end) : undefined
  }

  #then(step: () => void): void {
    if (this.#node.isClosed) return
    step()
    this.#node.scheduleDrain()
  }

  #description(activation: Activation): ReturnType<EntityNode['description']> {
    return this.#node.description(activation.type.plan.name)
  }
}
