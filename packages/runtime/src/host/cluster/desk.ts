/**
 * Where a machine that joins learns where its cluster is: the supervisor of each machine answers there.
 *
 * Who asks proves the cluster key (or shows a certificate) first, over an encrypted stream; only then it is told the addresses of the
 * engine and of the state store, as this machine was told them, passwords included. Without either there is only loopback.
 */
import { EpicError } from '@epicserver/contracts'
import {
  createPipe,
  isLoopback,
  tcpTransport,
  type IdentityOptions,
  type Pipe,
  type PipeCounts,
} from '@epicserver/net'
import type { Log } from '../../log.ts'
import type { ClusterSettings } from './cluster-settings.ts'
import { withoutSecrets } from './engine-address.ts'
import { handshakeBetweenMachines, tcpSecurityOf, type Trust } from './node-routes.ts'

/** What is told of a cluster. */
export interface ClusterPlace {
  readonly engine: string
  readonly state: string
  readonly onEngineLoss: 'fence' | 'serve'
}

/** An answer: the place, or why there is none to tell. */
export type DeskMessage =
  | { readonly type: 'place'; readonly place: ClusterPlace }
  | { readonly type: 'nothing'; readonly why: string }

export interface DeskOptions {
  readonly settings: ClusterSettings
  readonly trust: Trust
  readonly log: Log
}

/** Of which cluster and what kind the two sides are, before either knows more. */
export function deskPipe(
  trust: Trust,
  self: Pick<IdentityOptions, 'nodeId' | 'role'> & { readonly clusterName: string },
  log: Log,
): Pipe<DeskMessage> {
  const { clusterName, ...identity } = self
  return createPipe<DeskMessage>({
    transport: tcpTransport({ security: tcpSecurityOf(trust), log }),
    protocol: 'json',
    handshake: handshakeBetweenMachines(trust, {
      clusterId: `desk of ${clusterName}`,
      ...identity,
    }),
    limits: { messageBytesMax: DESK_BYTES_MAX },
    log: { info: (line) => log.debug(line), warn: (line) => log.warn(line) },
  })
}

/** Addresses of servers, and no more. */
const DESK_BYTES_MAX = 64 * 1024

export class Desk {
  readonly #pipe: Pipe<DeskMessage>
  readonly #settings: ClusterSettings

  /** @throws EpicError `Unavailable` when the address cannot be had */
  static async open({ settings, trust, log }: DeskOptions): Promise<Desk> {
    const self = { clusterName: settings.name, nodeId: `desk-${process.pid}`, role: 'desk' }
    const desk = new Desk(deskPipe(trust, self, log), settings)
    await desk.#pipe.listen(settings.listen)
    return desk
  }

  private constructor(pipe: Pipe<DeskMessage>, settings: ClusterSettings) {
    this.#pipe = pipe
    this.#settings = settings
    pipe.on('accepted', (channel) => {
      channel.send(answerTo(channel.peer.host, this.#settings))
      void channel.close()
    })
  }

  get address(): string {
    return this.#pipe.address
  }

  get counts(): PipeCounts {
    return this.#pipe.counts
  }

  close(): void {
    this.#pipe.destroy('the supervisor ends')
  }
}

/** An engine on loopback is another one for every machine but this. */
function answerTo(asker: string, { engine, state, onEngineLoss }: ClusterSettings): DeskMessage {
  const hidden = [engine, state].find((address) => hostsOf(address).some(isLoopback))
  if (hidden === undefined || isLoopback(asker))
    return { type: 'place', place: { engine, state, onEngineLoss } }
  const why = `it reaches ${withoutSecrets(hidden)} on its own loopback, where no other machine does; name it there by an address that all machines reach`
  return { type: 'nothing', why }
}

function hostsOf(address: string): string[] {
  const [, authority = ''] = /^[a-z]+:\/\/(?:[^@/?]*@)?([^/?]*)/.exec(address) ?? []
  return authority.split(',').map((place) => place.replace(/:\d+$/, '').replaceAll(/[[\]]/g, ''))
}

/** Asks the desk at this address. @throws EpicError as `Pipe.connect`, or `Unavailable` with what it said */
export async function askDesk(pipe: Pipe<DeskMessage>, address: string): Promise<ClusterPlace> {
  const channel = await pipe.connect(address)
  const message = await new Promise<DeskMessage>((resolve, reject) => {
    channel.on('place', resolve)
    channel.on('nothing', resolve)
    channel.onEnd((error) =>
      reject(
        error ?? new EpicError('Unavailable', `Cannot learn anything at ${address}: it hung up`),
      ),
    )
  })
  if (message.type === 'place' && isPlace(message.place)) return message.place
  const why = message.type === 'nothing' ? message.why : 'its answer cannot be read'
  throw new EpicError('Unavailable', `Cannot learn the cluster's place from ${address}: ${why}`)
}

function isPlace(value: unknown): value is ClusterPlace {
  if (typeof value !== 'object' || value === null) return false
  const { engine, state, onEngineLoss } = value as Partial<Record<keyof ClusterPlace, unknown>>
  const isLoss = onEngineLoss === 'fence' || onEngineLoss === 'serve'
  return typeof engine === 'string' && typeof state === 'string' && isLoss
}
