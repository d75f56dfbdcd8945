/**
 * The activations of a node by type and id, and what they cost in memory.
 *
 * Memory is bounded twice: above the limit idle entities are put away, and well above it nothing
 * new is activated, since what is idle needs a moment to be saved. What is being put away already
 * counts for the second and not for the first.
 */
import { nameOfEntity, type Activation } from './activation.ts'
import type { EntityType } from './entity-type.ts'
import { IdleSweep } from './idleness.ts'
import type { KernelLimits } from './limits.ts'

export class ActivationTable {
  readonly #limits: KernelLimits
  readonly #sweep: IdleSweep
  #size = 0
  #bytes = 0
  /** Of these bytes, what belongs to entities that are being put away. */
  #leavingBytes = 0

  constructor(types: ReadonlyMap<string, EntityType>, limits: KernelLimits) {
    this.#limits = limits
    this.#sweep = new IdleSweep(types)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#bytes
  }

  get leavingBytes(): number {
    return this.#leavingBytes
  }

  /** Whether memory is so short that nothing new may be activated. */
  get isFull(): boolean {
    return this.#bytes > this.#limits.activationBytesMax * this.#limits.overdraft
  }

  add(activation: Activation): void {
    const { activations } = activation.type
    if (activations.has(activation.id))
      throw new Error(`${nameOfEntity(activation)} is in memory already`)
    activations.set(activation.id, activation)
    this.#size += 1
    this.#bytes += activation.bytes
  }

  /** Its state is still the last one that it was in. */
  remove(activation: Activation): void {
    activation.type.activations.delete(activation.id)
    this.#size -= 1
    this.#bytes -= activation.bytes
    if (activation.state === 'sleeping') this.#leavingBytes -= activation.bytes
  }

  /** Begins to put an activation away. */
  putToSleep(activation: Activation): void {
    activation.step('sleep')
    this.#leavingBytes += activation.bytes
  }

  /** The activation is now known to cost this much. */
  measure(activation: Activation, bytes: number): void {
    if (activation.state === 'gone') return
    this.#bytes += bytes - activation.bytes
    if (activation.state === 'sleeping') this.#leavingBytes += bytes - activation.bytes
    activation.bytes = bytes
  }

  /** Those of the next few that are to be put away. */
  chooseIdle(now: number): Activation[] {
    const { activationBytesMax, sweepSize } = this.#limits
    return this.#sweep.choose(sweepSize, now, this.#bytes - this.#leavingBytes - activationBytesMax)
  }
}
