/** The ways on which nodes reach each other: unix sockets within a machine, tcp between machines. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  certificateHandshake,
  clusterKeyHandshake,
  ClusterKeyring,
  tcpTransport,
  unixTransport,
  type Handshake,
  type IdentityOptions,
  type TcpSecurity,
  type TlsCertificate,
  type Transport,
} from '@epicserver/net'
import type { Log } from '../../log.ts'
import { parseNodeAddress } from './node-address.ts'

/** One kind of way to other nodes. */
export interface NodeRoute {
  readonly transport: Transport
  /** Where this node listens on it. */
  readonly listenAt: string
  /** How both sides prove themselves, once this node has its id. */
  handshakeFor(nodeId: string): Handshake
  /** Whether a key by which somebody has proved itself on it still counts; those of a machine's own do as long as it runs. */
  accepts?(keyId: string): boolean
  /** Where on it the node with this address is; `undefined` when it is not to be had this way. */
  targetOf(address: string): string | undefined
}

/** What nodes of different machines have in common: a cluster key, certificates of one authority, or both. */
export interface SharedSecrets {
  readonly clusterKey?: string
  /** Accepted beside it, while one key is exchanged for another. */
  readonly furtherKeys?: readonly string[]
  readonly certificate?: TlsCertificate
}

/** The secrets as connections use them: the keys may be exchanged while connections stand. */
export interface Trust {
  readonly keyring: ClusterKeyring | undefined
  readonly certificate: TlsCertificate | undefined
}

/** @throws EpicError `SettingsInvalid` when a key is too short */
export function trustOf({ certificate, ...secrets }: SharedSecrets): Trust {
  const keys = keysOf(secrets)
  return { keyring: keys.length === 0 ? undefined : new ClusterKeyring(keys), certificate }
}

/** The keys that count, the one in use first. */
function keysOf({ clusterKey, furtherKeys = [] }: SharedSecrets): readonly string[] {
  return clusterKey === undefined ? [] : [clusterKey, ...furtherKeys]
}

/** The same secrets with other keys. */
export function withKeys(
  { certificate }: SharedSecrets,
  [clusterKey, ...furtherKeys]: readonly string[],
): SharedSecrets {
  return {
    ...(clusterKey !== undefined && { clusterKey, furtherKeys }),
    ...(certificate !== undefined && { certificate }),
  }
}

export interface UnixRouteOptions {
  readonly clusterId: string
  readonly clusterKey: string
  /** The unix socket on which this node listens. */
  readonly address: string
}

/** The way between the nodes of one machine, whose addresses are sockets. */
export function unixRoute({ clusterId, clusterKey, address }: UnixRouteOptions): NodeRoute {
  return {
    transport: unixTransport(),
    listenAt: address,
    handshakeFor: (nodeId) => clusterKeyHandshake(clusterKey, { clusterId, nodeId, role: 'node' }),
    targetOf: (other) => other,
  }
}

export interface NeighbourRouteOptions extends UnixRouteOptions {
  readonly runFolder: string
  /** By which host other machines know this one. */
  readonly host: string
}

/** The same in a cluster of many machines: only for the nodes that run under the same supervisor. */
export function neighbourRoute({ runFolder, host, ...options }: NeighbourRouteOptions): NodeRoute {
  return {
    ...unixRoute(options),
    targetOf: (address) => {
      const other = parseNodeAddress(address)
      if (other.host !== host || !/^[\w-]+\.sock$/.test(other.socket)) return undefined
      const path = join(runFolder, other.socket)
      return existsSync(path) ? path : undefined
    },
  }
}

export interface MachineRouteOptions {
  readonly clusterId: string
  readonly secrets: SharedSecrets
  /** Made of the secrets, unless the caller keeps it to exchange keys. */
  readonly trust?: Trust
  /** As in `[::]:3031`. */
  readonly listenAt: string
  /** Whether this node itself is reached there now, where one that is gone was before: nobody else is to be had there. */
  readonly isOwn?: (target: string) => boolean
  readonly log: Log
}

/** The way between machines. */
export function machineRoute({
  clusterId,
  secrets,
  trust = trustOf(secrets),
  listenAt,
  isOwn = () => false,
  log,
}: MachineRouteOptions): NodeRoute {
  return {
    transport: tcpTransport({ security: tcpSecurityOf(trust), log }),
    listenAt,
    handshakeFor: (nodeId) => handshakeBetweenMachines(trust, { clusterId, nodeId, role: 'node' }),
    accepts: (keyId) => trust.keyring?.accepted().some(({ id }) => id === keyId) !== false,
    targetOf: (address) => {
      const [target = ''] = address.split('/', 1)
      return isOwn(target) ? undefined : target
    },
  }
}

/** Encryption by certificates where there are some, else by the cluster key; without either only loopback is open. */
export function tcpSecurityOf({ keyring, certificate }: Trust): TcpSecurity {
  if (certificate !== undefined) return { certificate }
  return keyring === undefined ? 'plain-text' : { clusterKeys: keyring }
}

/** Where nothing is shared there is still the loopback of one machine, on which everyone is believed. */
export function handshakeBetweenMachines(
  { keyring, certificate }: Trust,
  identity: IdentityOptions,
): Handshake {
  if (keyring !== undefined) return clusterKeyHandshake(keyring, identity)
  return certificate === undefined
    ? clusterKeyHandshake(LOOPBACK_KEY, identity)
    : certificateHandshake(identity)
}

/** No secret: it only lets the two sides tell each other who they are. */
const LOOPBACK_KEY = 'epicserver on loopback'
