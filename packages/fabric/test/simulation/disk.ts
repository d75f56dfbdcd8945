/**
 * The state store inside the simulation: for each id an epoch, a version and a list of call ids, which is the entity's state.
 *
 * That state is its own witness: an acknowledged call must be in it, and none may be in it twice. Asserts I2, and that no call is
 * applied twice.
 */
import type { Checker, Saved } from './checker.ts'

/** A saved entity. `log` is its state; `done` is the dedup window that was saved with it. */
export interface SimState {
  readonly log: readonly string[]
  readonly done: ReadonlySet<string>
}

/** What a claim or write came to. */
export type DiskReply =
  | { readonly ok: true; readonly version: number; readonly state: SimState }
  | { readonly ok: false; readonly code: 'Fenced' }

interface Row {
  epoch: bigint
  version: number
  state: SimState
}

export const EMPTY_STATE: SimState = { log: [], done: new Set() }

/** What a simulated disk depends on. */
export interface DiskOptions {
  readonly checker: Checker
  /** The mutation: writes of an older epoch are accepted. */
  readonly isWithoutEpochs: boolean
}

/** All saved entities of the world. */
export class SimDisk {
  readonly #options: DiskOptions
  readonly #rows = new Map<string, Row>()

  constructor(options: DiskOptions) {
    this.#options = options
  }

  get ids(): readonly string[] {
    return [...this.#rows.keys()]
  }

  log(id: string): readonly string[] {
    return this.stored(id).log
  }

  stored(id: string): Saved {
    const { version, state } = this.#rows.get(id) ?? { version: 0, state: EMPTY_STATE }
    return { version, log: state.log }
  }

  claim(id: string, epoch: bigint): DiskReply {
    const row = this.#rows.get(id)
    // As the port has it: what was never written has nothing to raise.
    if (row === undefined) return { ok: true, version: 0, state: EMPTY_STATE }
    if (row.epoch > epoch && !this.#options.isWithoutEpochs) return { ok: false, code: 'Fenced' }
    this.#options.checker.handleClaim(id, row.epoch, epoch)
    row.epoch = epoch
    return { ok: true, version: row.version, state: row.state }
  }

  write(id: string, guard: { epoch: bigint; version: number }, state: SimState): DiskReply {
    const row = this.#rows.get(id) ?? { epoch: 0n, version: 0, state: EMPTY_STATE }
    const isStale = row.epoch > guard.epoch && !this.#options.isWithoutEpochs
    if (isStale || row.version !== guard.version) return { ok: false, code: 'Fenced' }
    this.#options.checker.handleWrite(id, { stored: row.epoch, given: guard.epoch }, state.log)
    this.#rows.set(id, { epoch: guard.epoch, version: row.version + 1, state })
    return { ok: true, version: row.version + 1, state }
  }
}
