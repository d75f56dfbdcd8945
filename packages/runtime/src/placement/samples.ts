/**
 * Which entities of this node work, and who talks with whom, by samples: what the planners weigh.
 *
 * Each sample stands for as many events as lie between two of them, so nothing is counted on the way of a call. Amounts fade by
 * half with each round, so that what was a while ago counts little, and entities that do nothing any more are forgotten: the table
 * holds what is busy now, and is bounded.
 *
 * An entity's time here is counted from its first sample, which is never too long.
 */
import type { EntityKey, Load, NodeId, Talk } from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import { keyOf } from '../cluster/residence.ts'

/** What was seen of an entity. */
interface Seen {
  readonly key: EntityKey
  readonly firstAt: number
  turns: number
  /** To and from other nodes. */
  messages: number
  /** How often it was found to hold the processor. */
  busy: number
  readonly partners: Map<EntityKey, Partner>
}

interface Partner {
  at: NodeId
  messages: number
}

/** An entity with its share of what its node does. */
export interface Weighed {
  readonly activation: Activation
  readonly key: EntityKey
  readonly load: Load
  readonly sinceMs: number
}

/** More than work at one time; what comes when it is full waits for the next round. */
const ENTITIES_MAX = 4_096
const PARTNERS_MAX = 64

/** What has faded to this is forgotten: a sample of five rounds ago. */
const FORGOTTEN = 2

/** A round's amounts with the halves, quarters, … of those before come to two rounds'. */
const ROUNDS_SEEN = 2

export class Samples {
  readonly #entities = new Map<Activation, Seen>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  get size(): number {
    return this.#entities.size
  }

  /** An entity of this node ran so many turns, for callers of another node or of this one. */
  noteTurns(activation: Activation, count: number, isFromElsewhere: boolean): void {
    const seen = this.#seen(activation)
    if (seen === undefined) return
    seen.turns += count
    if (isFromElsewhere) seen.messages += 2 * count
  }

  /** An entity of this node called another one, at a node, so many times. */
  noteCalls(caller: Activation, called: EntityKey, at: NodeId, count: number): void {
    const seen = this.#seen(caller)
    if (seen !== undefined) noteTalk(seen, called, at, count)
  }

  /** The same, seen from the one that is called. */
  noteCalled(called: Activation, caller: Activation, at: NodeId, count: number): void {
    const seen = this.#seen(called)
    if (seen !== undefined) noteTalk(seen, keyOf(caller), at, count)
  }

  /** An entity's calls to and from other nodes, beyond those that were noted as turns. */
  noteMessages(activation: Activation, count: number): void {
    const seen = this.#seen(activation)
    if (seen !== undefined) seen.messages += count
  }

  /** An entity was found to hold the processor. */
  noteBusy(activation: Activation, weight: number): void {
    const seen = this.#seen(activation)
    if (seen !== undefined) seen.busy += weight
  }

  /** What each entity takes of its node's load, where rounds are so long. */
  weigh(load: Load, roundMs: number): Weighed[] {
    const all = [...this.#entities].filter(([{ state }]) => state === 'active')
    const busy = all.reduce((sum, [, seen]) => sum + seen.busy, 0)
    const turns = all.reduce((sum, [, seen]) => sum + seen.turns, 0)
    const now = this.#now()
    const seconds = (ROUNDS_SEEN * roundMs) / 1_000
    return all.map(([activation, seen]) => {
      // Where nobody looks who holds the processor, turns are taken to be alike.
      const share = busy > 0 ? seen.busy / busy : turns > 0 ? seen.turns / turns : 0
      const { key, firstAt, messages } = seen
      return {
        activation,
        key,
        sinceMs: now - firstAt,
        load: {
          cpu: load.cpu * share,
          bytes: activation.bytes,
          messages: messages / seconds,
          entities: 1,
        },
      }
    })
  }

  /** Who talks with whom, as far as it was seen from here. */
  talks(roundMs: number): Talk[] {
    const seconds = (ROUNDS_SEEN * roundMs) / 1_000
    return [...this.#entities.values()].flatMap(({ key, partners }) =>
      [...partners].map(([other, { at, messages }]) => {
        return { key, with: other, at, rate: messages / seconds }
      }),
    )
  }

  /** A round is over. */
  fade(): void {
    for (const [activation, seen] of this.#entities) {
      seen.turns /= 2
      seen.messages /= 2
      seen.busy /= 2
      for (const [other, partner] of seen.partners) {
        partner.messages /= 2
        if (partner.messages < FORGOTTEN) seen.partners.delete(other)
      }
      const isIdle = seen.turns + seen.messages + seen.partners.size < FORGOTTEN && seen.busy < 0.1
      if (isIdle || activation.state === 'gone') this.#entities.delete(activation)
    }
  }

  #seen(activation: Activation): Seen | undefined {
    const known = this.#entities.get(activation)
    if (known !== undefined || this.#entities.size >= ENTITIES_MAX) return known
    const seen = {
      key: keyOf(activation),
      firstAt: this.#now(),
      turns: 0,
      messages: 0,
      busy: 0,
      partners: new Map<EntityKey, Partner>(),
    }
    this.#entities.set(activation, seen)
    return seen
  }
}

function noteTalk({ partners }: Seen, other: EntityKey, at: NodeId, messages: number): void {
  const known = partners.get(other)
  if (known !== undefined) {
    known.at = at
    known.messages += messages
  } else if (partners.size < PARTNERS_MAX) partners.set(other, { at, messages })
}
