/** A node that is alone: every entity lives here. For tests, scripts and tools. */
import { EpicError, makeEpoch, partitionOf, PARTITIONS } from '@epicserver/contracts'
import type { EntityCall } from './entity-call.ts'
import type { Router } from './ports.ts'

const ALL: ReadonlySet<number> = new Set(Array.from({ length: PARTITIONS }, (_, i) => i))

export class SoloRouter implements Router {
  readonly #partitionEpoch: number
  readonly #grants = new Map<number, number>()

  /** `partitionEpoch` must grow with each start over the same store. */
  constructor(partitionEpoch = 1) {
    this.#partitionEpoch = partitionEpoch
  }

  isHome(): boolean {
    return true
  }

  isReady(): boolean {
    return true
  }

  get readyPartitions(): ReadonlySet<number> {
    return ALL
  }

  grantEpoch(type: string, id: string): bigint {
    const partition = partitionOf(type, id)
    const counter = (this.#grants.get(partition) ?? 0) + 1
    this.#grants.set(partition, counter)
    return makeEpoch(this.#partitionEpoch, counter)
  }

  send(call: EntityCall): void {
    call.fail(
      new EpicError('Unavailable', `Cannot call "${call.ref.toString()}": this node is alone`),
    )
  }

  hold(): boolean {
    return false
  }

  askOthers(): Promise<PromiseSettledResult<unknown>[]> {
    return Promise.resolve([])
  }

  canServe(): boolean {
    return true
  }
}
