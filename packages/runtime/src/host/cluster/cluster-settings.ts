/**
 * What a machine must be told to run in a cluster: plain data, since the supervisor hands it to its node processes.
 *
 * Everything here is checked before anything is started, so that a mistake is a sentence and not a node that comes and goes.
 */
import { EpicError } from '@epicserver/contracts'
import { isLoopback, parseTcpAddress, formatTcpAddress } from '@epicserver/net'
import type { SharedSecrets } from './node-routes.ts'

export interface ClusterSettings {
  /** Clusters of different names share engines and databases, and do not meet. */
  readonly name: string
  /** As in `etcd://host:2379` (`engine-address.ts`). */
  readonly engine: string
  /** Where entities are saved: as in `postgres://host/database`, or `none` (`state-address.ts`). */
  readonly state: string
  /** Where the supervisor listens; its nodes take the ports above. */
  readonly listen: string
  /** By which host other machines reach this one; found by itself when missing. */
  readonly advertise?: string
  readonly secrets: SharedSecrets
  readonly zone: string
  readonly appVersion: string
  /** How long engine, state store and members are waited for at the start. */
  readonly patienceMs: number
  /** Whether this machine tells its links that it is there. */
  readonly announce: 'lan' | 'off'
  /** Whether the engine is told of the saved entities' cluster when it knows nothing of it (`adopt-state.ts`). */
  readonly adoptState: boolean
  /** What a node does that cannot reach the engine until its lease is over. */
  readonly onEngineLoss: 'fence' | 'serve'
}

/** What a node process is told: the settings, and what its supervisor found out. */
export interface ClusterNodeConfig {
  readonly settings: ClusterSettings
  readonly clusterId: string
  /** What nodes must agree on, as text. */
  readonly compatibility: string
  /** By which host other machines reach this one. */
  readonly host: string
}

/** Long enough for leases to outlast an engine's own fail-over. */
export const CLUSTER_LEASE_MS = 6_000

export const DEFAULT_LISTEN = '[::]:3030'

const NAME = /^[a-z][a-z0-9_]{0,30}$/
const LABEL = /^[\w.:/-]{1,64}$/
const LABELS_MAX = 64
const PORT_MAX = 65_535

/** @throws EpicError `SettingsInvalid`, `Unauthorized` */
export function checkClusterSettings(settings: ClusterSettings, nodes: number): void {
  const { name, listen, secrets, zone } = settings
  if (!NAME.test(name)) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use "${name}" as the cluster's name: it is up to 31 small letters, digits and _, with a letter first`,
    )
  }
  checkLabels(zone === '' ? [] : [zone])
  const { host, port } = parseTcpAddress(listen)
  if (port !== 0 && port + nodes > PORT_MAX) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot listen at ${listen}: ${nodes} nodes take the ports above`,
    )
  }
  if (secrets.clusterKey !== undefined || secrets.certificate !== undefined || isLoopback(host))
    return
  throw new EpicError(
    'Unauthorized',
    `Cannot listen at ${listen}: other machines reach it, and there is neither a cluster key nor a certificate. ` +
      'Make a key with "epic key cluster.key", bring the file to each machine, and give it with --cluster-key-file; ' +
      'or stay on this machine with --listen [::1]:3030',
  )
}

/** Where the node in a slot listens: the ports above the supervisor's, or any. */
export function nodeListenAddress(listen: string, slot: number): string {
  const { host, port } = parseTcpAddress(listen)
  return formatTcpAddress({ host, port: port === 0 ? 0 : port + 1 + slot })
}

/** @throws EpicError `SettingsInvalid` for labels, or a zone among them, that others could not be told */
export function checkLabels(labels: readonly string[]): void {
  if (labels.length <= LABELS_MAX && labels.every((label) => LABEL.test(label))) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot use these labels and zone: there are up to ${LABELS_MAX}, each of up to 64 letters, digits and . : / _ -`,
  )
}
