/** What comes out of a scripted entity, in the order in which it does. */
import type { EntityCall, FileSyscall } from '@epicserver/runtime'
import { describeValue } from './describe-value.ts'

/** The turn that something came from; `null` for timers, tasks and hooks. */
export type TurnId = object | null

export interface CallEmission {
  readonly kind: 'call' | 'message'
  readonly turn: TurnId
  readonly call: EntityCall
}

export interface FileEmission {
  readonly kind: 'file'
  readonly turn: TurnId
  readonly request: FileSyscall
  readonly complete: (result: unknown) => void
  readonly fail: (error: unknown) => void
}

export type OutcomeEmission =
  | { readonly kind: 'reply'; readonly turn: TurnId; readonly value: unknown }
  | { readonly kind: 'error'; readonly turn: TurnId; readonly error: unknown }

export type Emission = CallEmission | FileEmission | OutcomeEmission

/** Says what came, after "it": "called Barrel/1.onHit()". */
export function describeEmission(emission: Emission): string {
  switch (emission.kind) {
    case 'call':
      return `called ${describeCall(emission.call)}`
    case 'message':
      return `sent ${describeCall(emission.call)}`
    case 'file':
      return `asked for ${emission.request.kind} of "${emission.request.path}"`
    case 'reply':
      return `replied ${describeValue(emission.value)}`
    case 'error':
      return `failed with ${describeValue(emission.error)}`
  }
}

export function describeCall({
  ref,
  operation,
  args,
}: Pick<EntityCall, 'ref' | 'operation' | 'args'>): string {
  return `${ref.toString()}.${operation.name}(${args.map((arg) => describeValue(arg)).join(', ')})`
}
