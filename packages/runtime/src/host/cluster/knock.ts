/**
 * Knocks at the members of a cluster before a machine joins it: can they be reached, and would they let its nodes in?
 *
 * A node that has a lease and reaches nobody would hold up everyone: its partitions would wait for answers that never come. So who
 * cannot reach a single member does not become one, nor who listens on loopback where they do not: they would dial their own. The one that is knocked at sees the same key, cluster and agreement as
 * it will of the nodes, and prints what does not fit, as this side does.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import { createPipe, isLoopback, parseTcpAddress, tcpTransport, type Pipe } from '@epicserver/net'
import type { Log } from '../../log.ts'
import { PEER_VERSIONS } from '../peer-versions.ts'
import {
  handshakeBetweenMachines,
  tcpSecurityOf,
  trustOf,
  type SharedSecrets,
} from './node-routes.ts'

export interface KnockOptions {
  readonly clusterId: string
  /** By which the members would reach this machine. */
  readonly host: string
  readonly secrets: SharedSecrets
  readonly compatibility: string
  readonly log: Log
}

/** So many are asked at most, all at once. */
const ASKED_MAX = 64

/**
 * Resolves when at least one of them can be reached, and none of those has anything against this machine.
 * @param addresses - as in `[fd00::7]:3031`
 * @throws EpicError `Incompatible`, `Unauthorized`; `SettingsInvalid` when they could not reach this machine; `Unavailable` when none
 * answers
 */
export async function knock(addresses: readonly string[], options: KnockOptions): Promise<void> {
  refuseHidden(options.host, addresses)
  const pipe = knockingPipe(options)
  const asked = addresses.slice(0, ASKED_MAX)
  const answers = await Promise.all(asked.map((address) => knockAt(pipe, address)))
  pipe.destroy('all have been asked')
  const failures = answers.flatMap((answer) => answer ?? [])
  const objection = failures.find(({ code }) => code === 'Incompatible' || code === 'Unauthorized')
  if (objection !== undefined) {
    const what = `Cannot join the cluster: ${objection.message}`
    throw new EpicError(objection.code, what, { cause: objection })
  }
  if (failures.length < asked.length) return
  const [first] = failures
  throw new EpicError(
    'Unavailable',
    `Cannot join the cluster: of its ${addresses.length} living nodes none can be reached from here (${first?.message ?? 'nobody was asked'})`,
  )
}

function refuseHidden(host: string, addresses: readonly string[]): void {
  const elsewhere = addresses.find((address) => !isLoopback(parseTcpAddress(address).host))
  if (!isLoopback(host) || elsewhere === undefined) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot join the cluster: it has a node at ${elsewhere}, and others would look for this machine at ${host}, which is loopback and nobody else's. Listen where they reach it: --listen [::]:3030, and --advertise if that finds the wrong address`,
  )
}

/** `undefined` when this machine would be let in there. */
async function knockAt(pipe: Pipe<Uint8Array>, address: string): Promise<EpicError | undefined> {
  try {
    const channel = await pipe.connect(address)
    void channel.close()
    return undefined
  } catch (error) {
    if (!isEpicError(error)) throw error
    return error
  }
}

function knockingPipe({ clusterId, secrets, compatibility, log }: KnockOptions): Pipe<Uint8Array> {
  const trust = trustOf(secrets)
  return createPipe<Uint8Array>({
    transport: tcpTransport({ security: tcpSecurityOf(trust), log }),
    protocol: 'raw',
    compatibility,
    versions: PEER_VERSIONS,
    handshake: handshakeBetweenMachines(trust, {
      clusterId,
      nodeId: `knock-${process.pid}`,
      role: 'knock',
    }),
    log: { info: (line) => log.debug(line), warn: (line) => log.warn(line) },
  })
}
