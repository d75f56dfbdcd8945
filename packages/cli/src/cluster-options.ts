/**
 * What `epic run` is told about the cluster, from its options and the environment, with secrets from files.
 *
 * A secret on a command line can be read by every user of the machine, so keys come from files or the environment only, and an address
 * with a password in it is refused as an argument.
 */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { EpicError } from '@epicserver/contracts'
import {
  DEFAULT_LISTEN,
  findCluster,
  hasPassword,
  unreadable,
  type ClusterPlace,
  type ClusterSettings,
  type Log,
  type SharedSecrets,
} from '@epicserver/runtime/host'
import { InvalidArgumentError, Option, type Command } from 'commander'

/** The options of a cluster, as the command line has them. */
export interface ClusterOptions {
  readonly cluster?: string
  readonly state?: string
  readonly join?: string
  readonly announce: 'lan' | 'off'
  readonly listen: string
  readonly advertise?: string
  readonly clusterKeyFile?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
  readonly tlsName?: string
  readonly clusterName: string
  readonly zone?: string
  readonly labels?: readonly string[]
  readonly appVersion?: string
  readonly wait: number
  readonly onEngineLoss: 'fence' | 'serve'
  readonly adoptState?: boolean
}

/** Others must not be able to read it. */
const OTHERS_MODE = 0o077

/** What each option is called, what it says in the help, and where else it may stand. */
const OPTIONS: readonly (readonly [flags: string, description: string, environment: string])[] = [
  [
    '--cluster <engine>',
    'run with other machines: etcd://host:2379,… or postgres://…',
    'EPIC_CLUSTER',
  ],
  ['--state <store>', 'where a cluster saves entities: postgres://…, or none', 'EPIC_STATE'],
  ['--join <places>', 'find the cluster by asking: lan, dns:name, host:3030', 'EPIC_JOIN'],
  ['--announce <where>', 'lan: be found by multicast; off', 'EPIC_ANNOUNCE'],
  [
    '--cluster-key-file <file>',
    'the secret that the machines share (or EPIC_CLUSTER_KEY)',
    'EPIC_CLUSTER_KEY_FILE',
  ],
  [
    '--listen <address>',
    'where the supervisor listens; its nodes take the ports above',
    'EPIC_LISTEN',
  ],
  ['--advertise <host>', 'by which host other machines reach this one', 'EPIC_ADVERTISE'],
  ['--cluster-name <name>', 'keeps clusters on one engine apart', 'EPIC_CLUSTER_NAME'],
  ['--zone <zone>', 'where this machine stands', 'EPIC_ZONE'],
  ['--labels <labels>', 'what it has, as in gpu,ssd', 'EPIC_LABELS'],
  [
    '--app-version <version>',
    'the app’s, as others see it; that of its package.json without it',
    'EPIC_APP_VERSION',
  ],
  [
    '--tls-cert <file>',
    'this machine’s certificate, for encryption by certificates',
    'EPIC_TLS_CERT',
  ],
  ['--tls-key <file>', 'its private key', 'EPIC_TLS_KEY'],
  ['--tls-ca <file>', 'the authority that signed all of them', 'EPIC_TLS_CA'],
  [
    '--tls-name <name>',
    'the name in the certificates, where it is not the address',
    'EPIC_TLS_NAME',
  ],
  ['--wait <seconds>', 'how long engine and members are waited for at the start', 'EPIC_WAIT'],
  [
    '--on-engine-loss <what>',
    'past the lease: fence (stop) or serve (reads may be stale)',
    'EPIC_ON_ENGINE_LOSS',
  ],
  [
    '--adopt-state',
    'the engine’s data is lost and no machine runs: go on with what is saved',
    'EPIC_ADOPT_STATE',
  ],
]

const DEFAULTS: Readonly<Record<string, string>> = {
  listen: DEFAULT_LISTEN,
  clusterName: 'epic',
  wait: '30',
  onEngineLoss: 'fence',
  announce: 'lan',
}

/** Without a cluster to act on they do nothing. */
const ONLY_IN_CLUSTER = [
  'clusterKeyFile',
  'listen',
  'advertise',
  'tlsCert',
  'tlsKey',
  'tlsCa',
  'tlsName',
  'adoptState',
] as const satisfies readonly (keyof ClusterOptions)[]

const MAY_HAVE_PASSWORD: ReadonlySet<string> = new Set(['cluster', 'state'])

const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  labels: (text) => text.split(',').filter((label) => label !== ''),
  wait: seconds,
  onEngineLoss: oneOf('fence', 'serve'),
  announce: oneOf('lan', 'off'),
}

export function addClusterOptions(command: Command): void {
  for (const [flags, description, environment] of OPTIONS) {
    const option = new Option(flags, description).env(environment)
    const name = option.attributeName()
    const parse = PARSERS[name]
    const initial = DEFAULTS[name]
    if (parse !== undefined) option.argParser(parse)
    if (MAY_HAVE_PASSWORD.has(name)) option.argParser(refusePassword(command, flags))
    if (initial !== undefined) option.default(parse?.(initial) ?? initial)
    command.addOption(option)
  }
}

/**
 * The settings of the cluster, or `undefined` where this machine runs alone.
 * @throws EpicError `SettingsInvalid`, `FileNotFound`, `DataFolderUnsafe`
 */
export async function readClusterSettings(
  appFile: string,
  options: ClusterOptions,
  log: Log,
): Promise<ClusterSettings | undefined> {
  if (options.cluster === undefined && options.join === undefined) {
    refuseIdleOptions(options)
    return undefined
  }
  const secrets = await readSecrets(options)
  const patienceMs = options.wait * 1_000
  return {
    ...(await placeOf(options, { secrets, patienceMs, log })),
    name: options.clusterName,
    listen: options.listen,
    ...(options.advertise !== undefined && { advertise: options.advertise }),
    secrets,
    announce: options.announce,
    zone: options.zone ?? '',
    appVersion: options.appVersion ?? (await packageVersion(appFile)),
    patienceMs,
    adoptState: options.adoptState === true,
  }
}

/** What is said of a cluster where none is named: whoever says it takes this machine for a part of one. */
function refuseIdleOptions(options: ClusterOptions): void {
  if (options.state !== undefined)
    throw new EpicError(
      'SettingsInvalid',
      'Cannot use --state without --cluster: a machine alone saves in its data folder',
    )
  const idle = ONLY_IN_CLUSTER.find((name) => options[name] !== DEFAULTS[name])
  if (idle !== undefined)
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use ${flagOf(idle)} without --cluster or --join: a machine alone neither listens nor joins`,
    )
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

interface Asking {
  readonly secrets: SharedSecrets
  readonly patienceMs: number
  readonly log: Log
}

/** Where the cluster is: as it was said, or as its machines say. */
async function placeOf(
  { cluster, state, join: places, clusterName, onEngineLoss }: ClusterOptions,
  asking: Asking,
): Promise<ClusterPlace> {
  if (cluster === undefined)
    return await findCluster({ join: places ?? '', clusterName, ...asking })
  if (places !== undefined) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot use --join with --cluster: the one asks for what the other says',
    )
  }
  if (state !== undefined) return { engine: cluster, state, onEngineLoss }
  throw new EpicError(
    'SettingsInvalid',
    'Cannot run in a cluster without knowing where entities are saved: name what all its machines share with --state postgres://user@host/database, or --state none for an app that saves nothing',
  )
}

async function readSecrets(options: ClusterOptions): Promise<SharedSecrets> {
  const { clusterKeyFile, tlsCert, tlsKey, tlsCa, tlsName } = options
  const [key, ...furtherKeys] =
    clusterKeyFile === undefined
      ? keysIn(process.env['EPIC_CLUSTER_KEY'] ?? '')
      : await readClusterKeys(clusterKeyFile)
  const given = [tlsCert, tlsKey, tlsCa].filter((file) => file !== undefined)
  if (given.length !== 0 && given.length !== 3) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot use certificates: --tls-cert, --tls-key and --tls-ca belong together',
    )
  }
  const certificate =
    tlsCert === undefined || tlsKey === undefined || tlsCa === undefined
      ? undefined
      : {
          cert: await readText(tlsCert),
          key: await readSecret(tlsKey),
          ca: await readText(tlsCa),
          ...(tlsName !== undefined && { serverName: tlsName }),
        }
  return {
    ...(key !== undefined && { clusterKey: key, furtherKeys }),
    ...(certificate !== undefined && { certificate }),
  }
}

/**
 * The keys of a file, one a line: the first is used, all are accepted.
 * @throws EpicError `FileNotFound`, `DataFolderUnsafe`, `SettingsInvalid`
 */
export async function readClusterKeys(file: string): Promise<readonly string[]> {
  const keys = keysIn(await readSecret(file))
  if (keys.length > 0) return keys
  throw new EpicError('SettingsInvalid', `Cannot use the cluster key in "${file}": it is empty`)
}

function keysIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

async function readSecret(file: string): Promise<string> {
  const text = await readText(file)
  const { mode } = await stat(file)
  if ((mode & OTHERS_MODE) === 0) return text
  throw new EpicError(
    'DataFolderUnsafe',
    `Cannot use the secret in "${file}": other users may read it. Take that from them: chmod 600 ${file}`,
  )
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw unreadable(`Cannot read "${file}"`, cause)
  }
}

/** The version of the package that the app is part of; the nearest above it. */
async function packageVersion(appFile: string): Promise<string> {
  for (let folder = dirname(resolve(appFile)); ; folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined)
    if (text !== undefined) {
      const { version } = JSON.parse(text) as { readonly version?: unknown }
      return typeof version === 'string' ? version : '0'
    }
    if (folder === dirname(folder)) return '0'
  }
}

/**
 * Commander asks this for arguments and the environment alike; only the former can be read by others. What is wrong with an argument it
 * would print with the argument.
 */
function refusePassword(command: Command, flags: string): (address: string) => string {
  return (address) => {
    if (!hasPassword(address) || !process.argv.some((argument) => argument.includes(address)))
      return address
    return command.error(
      `error: there is a password in the argument of '${flags}'. A password on a command line can be read by every user of this machine: put the address into the environment.`,
    )
  }
}

function oneOf(...choices: readonly string[]): (text: string) => string {
  return (text) => {
    if (choices.includes(text)) return text
    throw new InvalidArgumentError(`It must be ${choices.join(' or ')}.`)
  }
}

function seconds(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a number of seconds.')
}
