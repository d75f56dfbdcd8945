/**
 * Takes the samples of a node: of its turns, of the calls that leave it, and of who holds the processor.
 *
 * Turns and calls are looked at each in its sixty-first: a prime, so that what repeats in rounds is seen all around. The processor is
 * looked at by the clock, so that one long turn counts for what it takes; a node on which nothing runs is looked at rarely.
 */
import { formatEntityId } from '@epicserver/contracts'
import type { NodeId } from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import { PeerCall } from '../cluster/peer-call.ts'
import { Sweep } from '../cluster/reroutes.ts'
import { entityBehind } from '../model/ref.ts'
import type { EntityCall } from '../node/entity-call.ts'
import type { EntityNode } from '../node/node.ts'
import type { Pending } from '../node/ports.ts'
import { lastTurn } from '../node/turn-context.ts'
import { SAMPLE_EVERY } from './sample-rate.ts'
import { Samples } from './samples.ts'

/** Fifty looks in a second find who takes a tenth of it; on an idle node a second may pass until they begin. */
const LOOK_EVERY_MS = 20
const IDLE_LOOK_EVERY_MS = 250

export class Sampler {
  /** What was seen. */
  readonly samples: Samples
  readonly #node: EntityNode
  #isOn = false
  #turn: object | null = null
  #next: Pending | undefined

  constructor(node: EntityNode) {
    this.#node = node
    this.samples = new Samples(() => node.ports.clock.monotonicMs())
  }

  /** Begins to look; at the processor too, where that is counted. */
  start(isCpuCounted: boolean): void {
    this.#isOn = true
    this.#node.sampleTurns(SAMPLE_EVERY, (call) => this.#handleTurn(call))
    if (isCpuCounted) this.#look(IDLE_LOOK_EVERY_MS)
  }

  stop(): void {
    this.#next?.cancel()
  }

  /** One of the calls that leave for a node. */
  handleCall(call: EntityCall, to: NodeId): void {
    const caller = call.parent?.activation ?? null
    if (!this.#isOn || caller === null || call instanceof Sweep) return
    const called = formatEntityId(entityBehind(call.ref))
    this.samples.noteCalls(caller, called, to, SAMPLE_EVERY)
    this.samples.noteMessages(caller, 2 * SAMPLE_EVERY)
  }

  #handleTurn(call: EntityCall): void {
    const called = call.activation as Activation
    const caller = call.parent?.activation ?? null
    this.samples.noteTurns(called, SAMPLE_EVERY, call instanceof PeerCall)
    if (caller === null || caller === called) return
    const here = this.#node.nodeId
    this.samples.noteCalls(caller, formatEntityId(entityBehind(call.ref)), here, SAMPLE_EVERY)
    this.samples.noteCalled(called, caller, here, SAMPLE_EVERY)
  }

  #look(afterMs: number): void {
    const { clock } = this.#node.ports
    const dueAt = clock.monotonicMs() + afterMs
    this.#next = clock.setTimer(() => {
      const lateMs = Math.max(0, clock.monotonicMs() - dueAt)
      const isBusy = this.#handleLook(Math.floor(lateMs / LOOK_EVERY_MS))
      this.#look(isBusy ? LOOK_EVERY_MS : IDLE_LOOK_EVERY_MS)
    }, afterMs)
  }

  /** Whose code ran last holds the processor; says whether anybody does. */
  #handleLook(looksMissed: number): boolean {
    const turn = lastTurn()
    const hasRun = turn !== null && (turn !== this.#turn || looksMissed > 0)
    this.#turn = turn
    if (!hasRun) return false
    const { activation } = turn
    if (activation !== null && this.#isOurs(activation))
      this.samples.noteBusy(activation, 1 + looksMissed)
    return true
  }

  /** In one process with other nodes the last turn may be theirs. */
  #isOurs(activation: Activation): boolean {
    const known = this.#node.kernel.types.get(activation.type.plan.name)
    return known?.activations.get(activation.id) === activation
  }
}
