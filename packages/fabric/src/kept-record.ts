/**
 * One record that a node keeps under its lease: its own member record, or the seat of the master.
 *
 * It writes where the mirror shows something else than wanted, by compare-and-set against what the mirror shows; so a request
 * that was thought lost and arrives late changes nothing. After a write it waits until the mirror has seen it.
 *
 * | state | left by | to |
 * | --- | --- | --- |
 * | settled | the mirror shows another value than wanted | writing |
 * | writing | committed / refused or unknown / certainly not applied | awaiting the mirror / listing / pausing |
 * | awaiting, listing | the mirror has got there | settled |
 * | pausing | a while | settled |
 */
import type { Cmp, LeaseId, Rev } from '@epicserver/contracts'
import type { Outbox, StoreReply, Token } from './effects.ts'
import type { Mirror } from './mirror.ts'

/** How a record is kept. */
export interface KeptRecordOptions {
  readonly key: string
  readonly retryMs: number
  /** `mine`: brought up to date whenever it differs. `free`: taken only where it is missing. */
  readonly when: 'mine' | 'free'
}

/** Keeps one record as wanted. */
export class KeptRecord {
  readonly #outbox: Outbox
  readonly #mirror: Mirror
  readonly #options: KeptRecordOptions
  #request: Token | undefined
  #awaitedRev: Rev = -1n
  #awaitedList: Token = -1
  #retryAt = -Infinity
  #isPausing = false
  #hasLostLease = false

  constructor(outbox: Outbox, mirror: Mirror, options: KeptRecordOptions) {
    this.#outbox = outbox
    this.#mirror = mirror
    this.#options = options
  }

  get wakeAtMs(): number {
    return this.#isPausing ? this.#retryAt : Infinity
  }

  /** Whether the store refused the lease that the record was to be kept under. */
  get hasLostLease(): boolean {
    return this.#hasLostLease
  }

  handleReply(reply: StoreReply, now: number): boolean {
    if (reply.token !== this.#request) return false
    this.#request = undefined
    if (reply.kind === 'committed' && reply.ok) {
      this.#awaitedRev = reply.rev
    } else if (
      reply.kind === 'committed' ||
      (reply.kind === 'failed' && reply.code === 'Unknown')
    ) {
      this.#awaitedList = this.#mirror.refresh(now)
    } else if (reply.kind === 'failed' && reply.code === 'LeaseLost') {
      this.#hasLostLease = true
    } else {
      this.#isPausing = true
      this.#retryAt = now + this.#options.retryMs
    }
    return true
  }

  /** Writes `wanted` under `lease` if the mirror shows that it must. */
  keep(wanted: Uint8Array, lease: LeaseId, now: number): void {
    if (!this.#isSettled(now)) return
    const { key, when } = this.#options
    const record = this.#mirror.record(key)
    if (record !== undefined && (when === 'free' || isSameBytes(record.value, wanted))) return
    const condition: Cmp =
      record === undefined ? { key, is: 'missing' } : { key, is: 'at', rev: record.rev }
    this.#request = this.#outbox.nextToken()
    this.#outbox.push({
      kind: 'txn',
      token: this.#request,
      txn: { if: [condition], then: [{ op: 'put', key, value: wanted, lease }] },
    })
  }

  #isSettled(now: number): boolean {
    if (this.#request !== undefined || now < this.#retryAt) return false
    this.#isPausing = false
    return (
      this.#mirror.rev >= 0n &&
      this.#mirror.rev >= this.#awaitedRev &&
      this.#mirror.listedToken >= this.#awaitedList
    )
  }
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}
