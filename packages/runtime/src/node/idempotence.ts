/**
 * Idempotent operations, both halves.
 *
 * The caller's: every such call gets a number from the window of its pair (this node, that entity), keeps it when it is sent again,
 * and settles it when the outcome is known. The entity's: what is known of a call decides whether it runs, waits for its twin, or
 * is answered from memory; what it remembers is saved in the same write as the state.
 */
import { EpicError } from '@epicserver/contracts'
import { CallerWindow, DedupWindow, type Activation, type CallNumber } from '@epicserver/kernel'
import type { NodeCodec } from './codec.ts'
import type { EntityCall, Outcome } from './entity-call.ts'
import { errorFields, errorFromFields } from '../cluster/peer-messages.ts'
import type { RefObject } from '../model/ref.ts'
import { peekResidue, residueOf } from './residue.ts'

interface Pair {
  readonly window: CallerWindow
  readonly waiting: EntityCall[]
}

/** The calls of one node to the entities whose operations are idempotent. */
export class CallerWindows {
  readonly #nodeId: string
  readonly #pairs = new Map<RefObject, Pair>()
  /** Above every number of a window that was forgotten, so that none is given twice under one name. */
  #unused = 1

  constructor(nodeId: string) {
    this.#nodeId = nodeId
  }

  /** Numbers a new call; says whether it may start now. Otherwise it is handed to `start` later. */
  admit(call: EntityCall): boolean {
    const pair = this.#pairOf(call.ref)
    if (pair.window.hasRoom) {
      call.number = this.#number(pair)
      return true
    }
    pair.waiting.push(call)
    return false
  }

  /** The outcome of a call is known: forgets its number and starts one that waited. */
  settle(call: EntityCall, start: (call: EntityCall) => void): void {
    const pair = this.#pairs.get(call.ref)
    if (pair === undefined) return
    if (call.number === null) pair.waiting.splice(pair.waiting.indexOf(call), 1)
    else if (call.number.caller === this.#nodeId) pair.window.settle(call.number.seq)
    while (pair.waiting.length > 0 && pair.window.hasRoom) {
      const next = pair.waiting.shift() as EntityCall
      next.number = this.#number(pair)
      start(next)
    }
    if (pair.window.size > 0 || pair.waiting.length > 0) return
    this.#unused = Math.max(this.#unused, pair.window.nextSeq)
    this.#pairs.delete(call.ref)
  }

  /** A pair whose calls are all settled is forgotten; its next call goes on with numbers that were never used. */
  #pairOf(ref: RefObject): Pair {
    let pair = this.#pairs.get(ref)
    if (pair === undefined) {
      pair = { window: new CallerWindow(this.#unused), waiting: [] }
      this.#pairs.set(ref, pair)
    }
    return pair
  }

  #number({ window }: Pair): CallNumber {
    return {
      caller: this.#nodeId,
      seq: window.next(),
      get settledBelow() {
        return window.settledBelow
      },
    }
  }
}

/** What one entity knows of the calls it has had. Outcomes are kept as bytes: they are saved, and must not change. */
export type EntityDedup = DedupWindow<Uint8Array, EntityCall>

/** What is to be done with a numbered call that is about to run. */
export type Verdict = 'run' | 'attached' | { readonly outcome: Outcome }

/** Looks at a numbered call: it runs, waits for its twin, or is answered at once. */
export function judge(
  activation: Activation,
  call: EntityCall,
  number: CallNumber,
  codec: NodeCodec,
): Verdict {
  const looked = dedupOf(activation).look(number)
  switch (looked) {
    case 'new':
      return 'run'
    case 'interrupted':
    case 'tooOld':
      return {
        outcome: {
          error: new EpicError(
            'Unknown',
            `Cannot tell what became of ${call.operation.name} of "${call.ref.toString()}": it was interrupted`,
          ),
        },
      }
    case 'outOfWindow':
      return {
        outcome: {
          error: new EpicError(
            'ProtocolBroken',
            `Cannot accept call ${number.seq} of ${number.caller}: it is out of its window`,
          ),
        },
      }
    default:
      if ('done' in looked) return { outcome: decodeOutcome(looked.done, codec) }
      looked.running.twins = [...looked.running.twins, call]
      return 'attached'
  }
}

/** The call begins to run. */
export function noteBegun(activation: Activation, call: EntityCall, number: CallNumber): void {
  dedupOf(activation).begin(number, call)
}

/** The call has ended; returns the outcome that its twins get too. */
export function noteEnded(
  activation: Activation,
  number: CallNumber,
  outcome: Outcome,
  codec: NodeCodec,
): Outcome {
  let kept = outcome
  let bytes: Uint8Array
  try {
    bytes = encodeOutcome(outcome, codec)
  } catch (error) {
    kept = { error }
    bytes = encodeOutcome(kept, codec)
  }
  const { dedup } = peekResidue(activation)
  if (dedup !== null) dedup.end(number.caller, number.seq, bytes)
  return kept
}

/** What must be saved with the state. */
export function savedDedup(activation: Activation): unknown {
  const { dedup } = peekResidue(activation)
  return dedup === null || dedup.size === 0 ? null : dedup.save()
}

export function restoreDedup(activation: Activation, saved: unknown): void {
  if (Array.isArray(saved))
    residueOf(activation).dedup = DedupWindow.restore(
      saved as Parameters<typeof DedupWindow.restore<Uint8Array, EntityCall>>[0],
    )
}

function dedupOf(activation: Activation): EntityDedup {
  const residue = residueOf(activation)
  residue.dedup ??= new DedupWindow<Uint8Array, EntityCall>()
  return residue.dedup
}

function encodeOutcome(outcome: Outcome, codec: NodeCodec): Uint8Array {
  return codec.messages.encode('error' in outcome ? { error: errorFields(outcome.error) } : outcome)
}

function decodeOutcome(bytes: Uint8Array, codec: NodeCodec): Outcome {
  const result = codec.messages.decode(bytes)
  const kept = (result.ok ? result.value : { error: undefined }) as Outcome
  return 'error' in kept ? { error: errorFromFields(kept.error) } : kept
}
