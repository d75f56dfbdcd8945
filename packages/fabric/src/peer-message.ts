/**
 * What members say to each other: about views, and about single entities.
 *
 * Each message says which view its sender has. One about an entity also says by which `term` it speaks: the epoch of the
 * entity's partition in that view. An owner acts, and is believed, within its own term only: whatever an owner of before
 * had under way is void the moment a receiver has installed the next one. So a message may be lost, doubled, or years late.
 *
 * | message | from → to | says |
 * | --- | --- | --- |
 * | `installed` | member → owner | I stopped what I lost; this lives here of what is yours |
 * | `askInstalled` | owner → member | I miss that |
 * | `askGrant` | host → owner | may I activate this entity? |
 * | `grant`, `refuse` | owner → host | yes, with this epoch; no, it is there |
 * | `released` | host → owner | it lives here no more |
 * | `prepareMove` | source → owner | I want to give it to the target |
 * | `movePrepared`, `moveRefused` | owner → source | with this epoch; no |
 * | `transfer` | source → target | here it is |
 * | `transferFailed` | target → source | I cannot take it |
 * | `commitMove` | target → owner | I have it: does it live here? |
 * | `abortMove` | source → owner | is it gone, or may I go on? |
 * | `moveCommitted` | owner → source, target | it lives at the target now |
 * | `moveAborted` | owner → source, target | it stays at the source, with this epoch |
 * | `load`, `loads` | member → master → members | how busy I am; how busy all are |
 */
import type { Load } from './load.ts'

/** The name of an entity in the directory: `Type/id`. */
export type EntityKey = string

/** An entity that lives at some node, or is on its way. */
export interface LiveReport {
  readonly key: EntityKey
  readonly partition: number
  readonly epoch: bigint
  /** `moving`: sealed here, its fate is with the owner. `adopting`: came here, does not run. */
  readonly state: 'live' | 'moving' | 'adopting'
}

/** A message about the view. */
export type ViewMessage =
  /** The sender has stopped all that it lost up to view `installed`; `live` is of partitions that changed after `since`. */
  | {
      readonly kind: 'installed'
      readonly viewNo: number
      readonly since: number
      readonly installed: number
      readonly live: readonly LiveReport[]
    }
  /** Asks for an `installed` that says all since a view; sent while one is missed. */
  | { readonly kind: 'askInstalled'; readonly viewNo: number; readonly since: number }

/** What every message about an entity says. */
interface About {
  readonly viewNo: number
  /** The partition's epoch in the sender's view. */
  readonly term: number
  readonly key: EntityKey
  readonly partition: number
}

/** What a member says about an entity, without the head that its sending adds. */
export type EntityStatement =
  | { readonly kind: 'askGrant'; readonly nonce: number }
  | { readonly kind: 'grant'; readonly nonce: number; readonly epoch: bigint }
  | {
      readonly kind: 'refuse'
      readonly nonce: number
      readonly host: string
      readonly epoch: bigint
    }
  | { readonly kind: 'released'; readonly epoch: bigint }
  | { readonly kind: 'prepareMove'; readonly epoch: bigint; readonly target: string }
  | { readonly kind: 'movePrepared'; readonly sourceEpoch: bigint; readonly epoch: bigint }
  | { readonly kind: 'moveRefused'; readonly sourceEpoch: bigint }
  | {
      readonly kind: 'transfer'
      readonly sourceEpoch: bigint
      readonly epoch: bigint
      readonly payload: unknown
    }
  | { readonly kind: 'transferFailed'; readonly sourceEpoch: bigint }
  /** `nonce`: the number of the arrival; what the target asked before is void. */
  | { readonly kind: 'commitMove'; readonly epoch: bigint; readonly nonce: number }
  | { readonly kind: 'abortMove'; readonly epoch: bigint }
  | {
      readonly kind: 'moveCommitted'
      readonly sourceEpoch: bigint
      readonly epoch: bigint
      readonly host: string
      /** Of the arrival, when this goes to the target: an answer to an earlier one starts nothing. */
      readonly nonce: number
    }
  | { readonly kind: 'moveAborted'; readonly sourceEpoch: bigint; readonly epoch: bigint }

/** A message about an entity. */
export type EntityMessage = About & EntityStatement

/** A message about how busy members are. */
export type LoadMessage =
  | { readonly kind: 'load'; readonly viewNo: number; readonly load: Load }
  | {
      readonly kind: 'loads'
      readonly viewNo: number
      readonly loads: readonly (readonly [nodeId: string, load: Load])[]
    }

/** All that members say to each other. `viewNo` is the view that the sender has. */
export type PeerMessage = ViewMessage | EntityMessage | LoadMessage

type FieldKind = 'count' | 'text' | 'epoch' | 'any' | 'reports' | 'load' | 'loads'

const ABOUT = { viewNo: 'count', term: 'count', key: 'text', partition: 'count' } as const

/** What each kind of message must hold: names from outside are looked up here and nowhere else. */
const FIELDS: ReadonlyMap<string, readonly (readonly [name: string, FieldKind])[]> = new Map(
  Object.entries({
    installed: { viewNo: 'count', since: 'count', installed: 'count', live: 'reports' },
    askInstalled: { viewNo: 'count', since: 'count' },
    askGrant: { ...ABOUT, nonce: 'count' },
    grant: { ...ABOUT, nonce: 'count', epoch: 'epoch' },
    refuse: { ...ABOUT, nonce: 'count', host: 'text', epoch: 'epoch' },
    released: { ...ABOUT, epoch: 'epoch' },
    prepareMove: { ...ABOUT, epoch: 'epoch', target: 'text' },
    movePrepared: { ...ABOUT, sourceEpoch: 'epoch', epoch: 'epoch' },
    moveRefused: { ...ABOUT, sourceEpoch: 'epoch' },
    transfer: { ...ABOUT, sourceEpoch: 'epoch', epoch: 'epoch', payload: 'any' },
    transferFailed: { ...ABOUT, sourceEpoch: 'epoch' },
    commitMove: { ...ABOUT, epoch: 'epoch', nonce: 'count' },
    abortMove: { ...ABOUT, epoch: 'epoch' },
    moveCommitted: { ...ABOUT, sourceEpoch: 'epoch', epoch: 'epoch', host: 'text', nonce: 'count' },
    moveAborted: { ...ABOUT, sourceEpoch: 'epoch', epoch: 'epoch' },
    load: { viewNo: 'count', load: 'load' },
    loads: { viewNo: 'count', loads: 'loads' },
  } satisfies Record<PeerMessage['kind'], Readonly<Record<string, FieldKind>>>).map(
    ([kind, fields]) => [kind, Object.entries<FieldKind>(fields)],
  ),
)

/** Whether a value that came from outside has the form of a {@link PeerMessage}. */
export function isPeerMessage(value: unknown): value is PeerMessage {
  if (typeof value !== 'object' || value === null) return false
  const message = value as Readonly<Record<string, unknown>>
  const fields = typeof message['kind'] === 'string' ? FIELDS.get(message['kind']) : undefined
  if (fields === undefined) return false
  return fields.every(([name, kind]) => isOf(kind, message[name]))
}

function isOf(kind: FieldKind, value: unknown): boolean {
  switch (kind) {
    case 'count':
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    case 'text':
      return typeof value === 'string'
    case 'epoch':
      return typeof value === 'bigint' && value >= 0n
    case 'any':
      return true
    case 'reports':
      return Array.isArray(value) && value.every(isReport)
    case 'load':
      return isLoad(value)
    case 'loads':
      return Array.isArray(value) && value.every(isNamedLoad)
  }
}

function isReport(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { key, partition, epoch, state } = value as Partial<Record<string, unknown>>
  const isState = state === 'live' || state === 'moving' || state === 'adopting'
  return isOf('text', key) && isOf('count', partition) && isOf('epoch', epoch) && isState
}

function isLoad(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { cpu, bytes, messages, entities } = value as Partial<Record<string, unknown>>
  return [cpu, bytes, messages, entities].every(
    (part) => typeof part === 'number' && Number.isFinite(part) && part >= 0,
  )
}

function isNamedLoad(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isOf('text', value[0]) && isLoad(value[1])
}
