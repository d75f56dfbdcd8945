/**
 * The write of what a gate holds back, as the request that the store gets.
 *
 * It is one object from the comparison that found a change to the release of what was held: with thousands of entities in one
 * commit, what is made for each of them is what saving costs.
 */
import type { StateStore, Write, WriteRequest } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { PendingState } from '../node/residue.ts'

/** Who wants to know how a gate's write ended. */
export interface GateWriteOwner {
  handleWritten(written: GateWrite, version: bigint): void
  handleFailed(failed: GateWrite, error: unknown): void
}

export class GateWrite implements WriteRequest {
  readonly type: string
  readonly id: string
  readonly epoch: bigint
  readonly version: bigint
  readonly write: Write
  readonly activation: Activation
  readonly pending: PendingState
  readonly #owner: GateWriteOwner

  constructor(owner: GateWriteOwner, activation: Activation, pending: PendingState) {
    this.type = activation.type.plan.name
    this.id = activation.id
    this.epoch = activation.epoch
    this.version = activation.version
    this.write = pending.write
    this.activation = activation
    this.pending = pending
    this.#owner = owner
  }

  /** Hands the write to the store, by its shorter way where it has one. */
  start(store: StateStore): void {
    if (store.startWrite !== undefined) {
      store.startWrite(this)
      return
    }
    store.write(this, this, this.write).then(
      (version) => this.handleWritten(version),
      (error: unknown) => this.handleFailed(error),
    )
  }

  handleWritten(version: bigint): void {
    this.#owner.handleWritten(this, version)
  }

  handleFailed(error: unknown): void {
    this.#owner.handleFailed(this, error)
  }
}
