/**
 * How a call failed, and what that means for who asked.
 *
 * gRPC has seventeen codes and etcd its own sentences below them. What matters is three questions: may it have been done, is it
 * worth asking another server, and is it the caller's fault. A sentence is looked at only where the code is shared by different
 * answers; what is not known counts as possibly done.
 */
import { EpicError } from '@epicserver/contracts'

/** gRPC's codes, those that etcd uses. */
export const GRPC = {
  ok: 0,
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** A call that got no answer, or a refusal. */
export class GrpcFailure extends Error {
  readonly status: number
  /** Whether the request may have reached a server. */
  readonly hasLeft: boolean

  constructor(status: number, message: string, hasLeft: boolean) {
    super(message)
    this.name = 'GrpcFailure'
    this.status = status
    this.hasLeft = hasLeft
  }
}

/**
 * What a failure means. `refused`: it was looked at and not done, nor will it be. `login`: the token is old, a new one helps.
 * `not done`: another server may do it. `may be done`: nobody knows.
 */
export type Meaning = 'refused' | 'login' | 'not done' | 'may be done'

const REFUSALS: ReadonlySet<number> = new Set([
  GRPC.invalidArgument,
  GRPC.notFound,
  GRPC.permissionDenied,
  GRPC.failedPrecondition,
  GRPC.outOfRange,
  GRPC.unimplemented,
])
const OLD_TOKEN = /invalid auth token|revision of auth store is old/
const NO_LEADER = 'etcdserver: no leader'
const NO_SPACE = 'database space exceeded'
const TOO_LARGE = 'request is too large'
const BAD_LOGIN = /authentication|user name is empty|permission denied|auth token/

export function meaningOf(failure: GrpcFailure): Meaning {
  const { status, message } = failure
  if (!failure.hasLeft) return 'not done'
  if (OLD_TOKEN.test(message)) return 'login'
  if (status === GRPC.unauthenticated || REFUSALS.has(status)) return 'refused'
  if (status === GRPC.resourceExhausted) return message.includes(NO_SPACE) ? 'refused' : 'not done'
  // Said before the request is looked at, by a server that is cut off from the others.
  return message.includes(NO_LEADER) ? 'not done' : 'may be done'
}

/** The error for a request that was refused. `attempt` says what was tried: `read "view"`. */
export function refusalFrom(failure: GrpcFailure, attempt: string): EpicError {
  const { status, message } = failure
  const options = { cause: failure, details: { grpcStatus: status } }
  const said = `Cannot ${attempt}: ${message}`
  if (message.includes(NO_SPACE)) return new EpicError('StoreFull', said, options)
  if (message.includes(TOO_LARGE)) return new EpicError('MessageTooLarge', said, options)
  if (message.includes('lease not found')) return new EpicError('LeaseLost', said, options)
  if (
    status === GRPC.unauthenticated ||
    status === GRPC.permissionDenied ||
    BAD_LOGIN.test(message)
  ) {
    return new EpicError('Unauthorized', said, options)
  }
  return new EpicError(
    status === GRPC.unimplemented ? 'Incompatible' : 'ProtocolBroken',
    said,
    options,
  )
}
