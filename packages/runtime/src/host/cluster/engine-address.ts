/**
 * Which engine holds the cluster's truth, by its address.
 *
 * | address | engine |
 * | --- | --- |
 * | `etcd://[user:password@]host:2379,host:2379[?…]` | etcd; `etcds://` over TLS |
 * | `postgres://user:password@host/database[?…]` | PostgreSQL |
 *
 * Behind the `?`: `ca`, `cert` and `key` name files with certificates in PEM, `servername` the name in the servers' certificates,
 * `allowPlainText=yes` lets it go to other machines without encryption. What PostgreSQL's own tools know behind it (`sslmode`) is theirs;
 * `sslrootcert`, `sslcert` and `sslkey`, which they know and the driver does not, are other words for the first three.
 */
import { readFile } from 'node:fs/promises'
import { EpicError, type ClusterStore } from '@epicserver/contracts'
import { unreadable } from '../unreadable.ts'

/** The parts of an address that are ours. */
interface EngineOptions {
  readonly tls?: Tls
  readonly allowPlainText: boolean
}

interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

const ETCD = /^(etcds?):\/\/(?:([^@/?]*)@)?([^@/?]+)\/?(?:\?(.*))?$/
const FILES = ['ca', 'cert', 'key'] as const
const OURS = [...FILES, 'servername', 'allowPlainText']
/** What PostgreSQL's own tools call them. */
const AS_IN_PSQL = { ca: 'sslrootcert', cert: 'sslcert', key: 'sslkey' } as const

/**
 * Opens the engine; it is first spoken to when it is first asked.
 * @param name - the cluster's; clusters of different names share an engine and do not meet
 * @throws EpicError `SettingsInvalid`, `FileNotFound`
 */
export async function openEngine(address: string, name: string): Promise<ClusterStore> {
  if (/^etcds?:/.test(address)) return await openEtcd(address, name)
  if (/^postgres(ql)?:/.test(address)) return await openPostgres(address, name)
  throw new EpicError(
    'SettingsInvalid',
    `Cannot use "${withoutSecrets(address)}" as the cluster's engine: write etcd://host:2379 or postgres://user@host/database`,
  )
}

async function openEtcd(address: string, name: string): Promise<ClusterStore> {
  const match = ETCD.exec(address)
  if (match === null || (match[4] ?? '').includes('@')) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot read the engine's address "${withoutSecrets(address)}": write etcd://host:2379,host:2379, and what a password has of @ / ? # % as %40 %2F %3F %23 %25`,
    )
  }
  const [, scheme, login, hosts = '', query = ''] = match
  const { tls, allowPlainText } = await optionsFrom(new URLSearchParams(query), 'etcd')
  const isSecure = scheme === 'etcds' || tls !== undefined
  const { EtcdClusterStore } = await import('@epicserver/cluster-etcd')
  return new EtcdClusterStore({
    endpoints: hosts.split(',').map((host) => `${isSecure ? 'https' : 'http'}://${host}`),
    prefix: `epic/${name}/`,
    allowPlainText,
    ...(tls !== undefined && { tls }),
    ...(login !== undefined && { auth: loginFrom(login) }),
  })
}

async function openPostgres(address: string, name: string): Promise<ClusterStore> {
  const { bare, options } = await splitPostgresAddress(address)
  const { PostgresClusterStore } = await import('@epicserver/cluster-postgres')
  return new PostgresClusterStore({ address: bare, schema: `epic_${name}`, ...options })
}

/** What PostgreSQL's driver is told, and what is ours: the engine and the state store read the same addresses. */
export async function splitPostgresAddress(
  address: string,
): Promise<{ readonly bare: string; readonly options: EngineOptions }> {
  const [place = '', query = ''] = address.split('?', 2)
  const parameters = new URLSearchParams(query)
  for (const name of FILES) {
    const file = parameters.get(AS_IN_PSQL[name])
    if (file !== null && !parameters.has(name)) parameters.set(name, file)
    parameters.delete(AS_IN_PSQL[name])
  }
  const options = await optionsFrom(parameters, 'postgres')
  for (const name of OURS) parameters.delete(name)
  return { bare: parameters.size === 0 ? place : `${place}?${parameters.toString()}`, options }
}

/**
 * An address as it may be printed: where it leads, without password and parameters. Whoever forgot to escape a password has it hidden all
 * the same: everything up to the last @ may be part of it.
 */
export function withoutSecrets(address: string): string {
  return address
    .replaceAll(/(\b[\w+.-]+:\/\/)\S*@/g, (_, scheme: string) => `${scheme}…@`)
    .replaceAll(/\?\S*/g, '')
}

/** Whether a secret is in it, which must not stand on a command line that everyone can read. */
export function hasPassword(address: string): boolean {
  return /\b[\w+.-]+:\/\/[^@/:\s]*:\S+@|[?&]password=/i.test(address)
}

async function optionsFrom(
  parameters: URLSearchParams,
  kind: 'etcd' | 'postgres',
): Promise<EngineOptions> {
  for (const name of parameters.keys()) {
    if (kind === 'postgres' || OURS.includes(name)) continue
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use the parameter "${name}" in the address of etcd: there are ${OURS.join(', ')}`,
    )
  }
  const tls: { -readonly [Name in keyof Tls]: Tls[Name] } = {}
  for (const name of FILES) {
    const file = parameters.get(name)
    if (file !== null) tls[name] = await readPem(file)
  }
  const servername = parameters.get('servername')
  if (servername !== null) tls.servername = servername
  return {
    allowPlainText: parameters.get('allowPlainText') === 'yes',
    ...(Object.keys(tls).length > 0 && { tls }),
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw unreadable(`Cannot read the certificate or key in "${file}"`, cause)
  }
}

function loginFrom(text: string): { user: string; password: string } {
  const colon = text.indexOf(':')
  if (colon < 0) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot log in to etcd: its address has a user and no password',
    )
  }
  return {
    user: decodeURIComponent(text.slice(0, colon)),
    password: decodeURIComponent(text.slice(colon + 1)),
  }
}
