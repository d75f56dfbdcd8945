/**
 * A machine's part in a cluster of many: what its supervisor does before nodes are started, and after one has died.
 *
 * At the start, in this order: the engine must answer; where it is told so, what is saved is adopted; the charter must fit; the
 * nodes that this machine left behind are gone for certain, so their leases end; whoever lives must be within reach and let this
 * machine in; and where nobody lives, the fabric starts anew, and with it the app's setup.
 *
 * The data folder keeps the lock, sockets and files here. Entities are in the cluster's state store, so a folder in which entities were
 * saved by this machine alone is refused: they would seem to be gone.
 */
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'

import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import {
  EpicError,
  isEpicError,
  type ClusterStore,
  type ClusterStoreLimits,
} from '@epicserver/contracts'
import { announceOnLan, type Announcement } from '@epicserver/discovery'
import { recordKeys, type MemberInfo } from '@epicserver/fabric'
import { isLoopback, parseTcpAddress } from '@epicserver/net'
import { openDataFolder, type DataFolderLock } from '@epicserver/store-lmdb'
import type { Log } from '../../log.ts'
import { endLeasesAt, KEY_PREFIX, livingMembers, readMembership } from '../members.ts'
import { refusalsIn } from '../refusal-counts.ts'
import { SETUP_CLAIM, SETUP_DONE } from '../run-setup.ts'
import type { Site, SiteStatus } from '../site.ts'
import { adoptState } from './adopt-state.ts'
import { advertisedHost } from './advertised-host.ts'
import {
  agreementOf,
  checkCharter,
  compatibilityOf,
  conflictBetween,
  readCharter,
  type Agreement,
} from './charter.ts'
import {
  checkClusterSettings,
  type ClusterNodeConfig,
  type ClusterSettings,
} from './cluster-settings.ts'
import { Desk } from './desk.ts'
import { openEngine, withoutSecrets } from './engine-address.ts'
import { EngineWatch } from './engine-watch.ts'
import { beaconSealOf } from './find-cluster.ts'
import { knock, type KnockOptions } from './knock.ts'
import { parseNodeAddress } from './node-address.ts'
import { trustOf, withKeys, type Trust } from './node-routes.ts'
import { isSavedNowhere, openState, type SharedState } from './state-address.ts'
import { claimState } from './state-owner.ts'

export interface ClusterSiteOptions {
  readonly dataFolder: string
  readonly runFolder: string
  readonly settings: ClusterSettings
  /** How many this machine starts. */
  readonly nodes: number
  readonly log: Log
}

/** Often enough to say that the engine is away before nodes stop because of it. */
const ENGINE_LOOK_MS = 1_000
const RETRY_MS = 250
/** Longer than what answers at all takes. */
const NOTICE_MS = 1_000

/** @throws EpicError `SettingsInvalid`, `Unauthorized`, `DataFolderInUse`, `DataFolderUnsafe`, `StoreNewer` */
export async function openClusterSite(options: ClusterSiteOptions): Promise<ClusterSite> {
  const { settings, nodes, dataFolder } = options
  checkClusterSettings(settings, nodes)
  const host = hostOf(settings)
  const engine = await openEngine(settings.engine, settings.name)
  try {
    const folder = await openDataFolder(dataFolder)
    await refuseSavedEntities(folder.path)
    return new ClusterSite(options, { engine, host, lock: await folder.lock() })
  } catch (error) {
    await engine.close()
    throw error
  }
}

interface ClusterSiteParts {
  readonly engine: ClusterStore
  readonly host: string
  readonly lock: DataFolderLock
}

export class ClusterSite implements Site {
  readonly nodesMax: number = Infinity
  readonly #options: ClusterSiteOptions
  readonly #engine: ClusterStore
  readonly #host: string
  readonly #lock: DataFolderLock
  readonly #trust: Trust
  #watch: EngineWatch | undefined
  #desk: Desk | undefined
  #announcement: Announcement | undefined
  #config: ClusterNodeConfig | undefined

  constructor(options: ClusterSiteOptions, { engine, host, lock }: ClusterSiteParts) {
    this.#options = options
    this.#engine = engine
    this.#host = host
    this.#lock = lock
    this.#trust = trustOf(options.settings.secrets)
  }

  async begin(): Promise<ClusterStoreLimits> {
    const { settings, log } = this.#options
    const agreement = agreementOf(settings)
    const engine = withoutSecrets(settings.engine)
    if (settings.adoptState) await this.#adoptState(agreement)
    const charter = await this.#patiently(`reach the engine at ${engine}`, () =>
      readCharter(this.#engine, agreement),
    )
    const compatibility = compatibilityOf(agreement)
    const conflict = conflictBetween(charter.agreement, agreement)
    if (conflict !== undefined) {
      await this.#showConflict(charter.clusterId, compatibility)
      throw conflict
    }
    await this.#claimState(charter.clusterId)
    this.#config = { settings, clusterId: charter.clusterId, compatibility, host: this.#host }
    this.#watch = new EngineWatch({
      look: () => checkCharter(this.#engine, charter.clusterId),
      address: engine,
      everyMs: ENGINE_LOOK_MS,
      log,
    })
    this.#desk = await Desk.open({ settings, trust: this.#trust, log })
    await this.#announce(parseTcpAddress(this.#desk.address).port)
    return this.#engine.limits
  }

  configFor(): { readonly cluster: ClusterNodeConfig } {
    if (this.#config === undefined) throw new Error('A node is started after begin')
    return { cluster: this.#config }
  }

  /** New connections prove and accept these keys from now on; who joins asks here in a moment, so there are none that stand. */
  async replaceKeys(keys: readonly string[]): Promise<void> {
    const { keyring } = this.#trust
    if (keyring === undefined || this.#config === undefined || this.#desk === undefined) {
      throw new EpicError(
        'SettingsInvalid',
        'Cannot exchange the cluster key: this machine was started without one',
      )
    }
    keyring.replace(keys)
    const { settings } = this.#config
    const secrets = withKeys(settings.secrets, keys)
    this.#config = { ...this.#config, settings: { ...settings, secrets } }
    this.#announcement?.close()
    await this.#announce(parseTcpAddress(this.#desk.address).port)
  }

  /** Knocks in vain, so that the members print what does not fit as well. */
  async #showConflict(clusterId: string, compatibility: string): Promise<void> {
    const members = await livingMembers(this.#engine)
    await this.#knock(members, { clusterId, compatibility }).catch((error: unknown) =>
      this.#options.log.debug('the members refuse, as expected', { error }),
    )
  }

  async #claimState(clusterId: string): Promise<void> {
    await this.#withState((state) => claimState(state.store, clusterId))
  }

  async #adoptState(agreement: Agreement): Promise<void> {
    const { log } = this.#options
    await this.#withState((state) => adoptState({ engine: this.#engine, state, agreement, log }))
  }

  async #withState(work: (state: SharedState) => Promise<void>): Promise<void> {
    const { settings, log } = this.#options
    if (isSavedNowhere(settings.state)) return
    const state = await openState(settings.state, settings.name, log)
    try {
      await this.#patiently(
        `reach the state store at ${withoutSecrets(settings.state)}`,
        async () => {
          await state.prepare()
          await work(state)
        },
      )
    } finally {
      await state.store.close()
    }
  }

  /** A machine that cannot announce itself is found by its name all the same, so this is no reason to stop. */
  async #announce(port: number): Promise<void> {
    const { settings, log } = this.#options
    const { listen, announce, name } = settings
    const isAlone = isLoopback(parseTcpAddress(listen).host)
    if (announce === 'off' || isAlone || this.#trust.keyring === undefined) return
    try {
      this.#announcement = await announceOnLan({
        seal: beaconSealOf(this.#trust, name),
        instance: instanceName(),
        port,
        handleTrouble: (error) => log.debug('multicast failed', { error }),
      })
    } catch (error) {
      log.warn('this machine does not announce itself', { problem: (error as Error).message })
    }
  }

  async attestDeath(nodeId: string): Promise<void> {
    await this.#engine.revoke(nodeId)
  }

  /** Ends what this machine left behind, and asks whoever lives elsewhere to be let in. */
  async attestDeathsAt(sockets: ReadonlySet<string>): Promise<void> {
    await endLeasesAt(this.#engine, (address) => {
      const { host, socket } = parseNodeAddress(address)
      return host === this.#host && sockets.has(join(this.#options.runFolder, socket))
    })
    await this.#patiently('join the cluster', () => this.#meetMembers())
  }

  async status(): Promise<SiteStatus> {
    const { name, engine } = this.#options.settings
    const health = this.#watch?.health
    if (health === undefined) throw new Error('There is a status after begin')
    const known = {
      cluster: name,
      engine: { address: withoutSecrets(engine), ...health },
      ...(this.#desk && {
        desk: { address: this.#desk.address, refused: refusalsIn([this.#desk.counts]) },
      }),
    }
    if (!health.isReachable) return known
    try {
      return { ...known, membership: await readMembership(this.#engine) }
    } catch (error) {
      if (!isEpicError(error)) throw error
      return { ...known, engine: { ...known.engine, isReachable: false, problem: error.message } }
    }
  }

  async close(): Promise<void> {
    this.#announcement?.close()
    this.#desk?.close()
    this.#watch?.close()
    await this.#engine.close()
    await this.#lock.release()
  }

  /** Those who do not answer may have died with their machine: then their leases end while this one waits. */
  async #meetMembers(): Promise<void> {
    const { clusterId, compatibility } = this.configFor().cluster
    const members = await livingMembers(this.#engine)
    if (members.length === 0) {
      await startAnew(this.#engine)
      return
    }
    await this.#knock(members, { clusterId, compatibility })
  }

  async #knock(
    members: readonly MemberInfo[],
    agreement: Pick<KnockOptions, 'clusterId' | 'compatibility'>,
  ): Promise<void> {
    const { settings, log } = this.#options
    const { secrets } = settings
    await knock(addressesOf(members), { ...agreement, host: this.#host, secrets, log })
  }

  /** Tries again, for as long as the settings say, what may come right by itself. */
  async #patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { settings, log } = this.#options
    const until = performance.now() + settings.patienceMs
    const notice = setTimeout(
      () => log.info(`waiting to ${what}`, { forMs: settings.patienceMs }),
      NOTICE_MS,
    )
    let said = ''
    try {
      for (;;) {
        const outcome = await attempt(work)
        if ('value' in outcome) return outcome.value
        const { problem } = outcome
        if (performance.now() >= until) throw gaveUp(what, settings.patienceMs, problem)
        if (said !== problem.message) log.warn(`cannot ${what} yet`, { problem: problem.message })
        said = problem.message
        await pause(RETRY_MS)
      }
    } finally {
      clearTimeout(notice)
    }
  }
}

/** Where tools and machines reach them. */
function addressesOf(members: readonly MemberInfo[]): string[] {
  return members.map(({ address }) => address.split('/', 1)[0] ?? address)
}

/** What came of one attempt, where trying again may help. @throws what will fail again */
async function attempt<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly problem: EpicError }> {
  try {
    return { value: await work() }
  } catch (error) {
    if (isEpicError(error) && error.retry !== 'never') return { problem: error }
    throw error
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** The first who comes to a cluster without members makes its setup run again; who comes at the same time finds the view changed. */
async function startAnew(engine: ClusterStore): Promise<void> {
  const { view } = recordKeys(KEY_PREFIX)
  const seen = await engine.get(view)
  if ((await livingMembers(engine)).length > 0) return
  await engine.txn({
    if: [seen === null ? { key: view, is: 'missing' } : { key: view, is: 'at', rev: seen.rev }],
    then: [
      { op: 'delete', key: SETUP_DONE },
      { op: 'delete', key: SETUP_CLAIM },
    ],
  })
}

/** What tools that list services show; several supervisors of one machine have several. */
function instanceName(): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
  return `${host.slice(0, 48)}-${randomBytes(4).toString('hex')}`
}

function hostOf({ listen, advertise }: ClusterSettings): string {
  if (advertise !== undefined) return advertise
  const { host } = parseTcpAddress(listen)
  const found = isLoopback(host) ? host : advertisedHost(host, networkInterfaces())
  if (found !== undefined) return found
  throw new EpicError(
    'SettingsInvalid',
    `Cannot tell others where this machine is: it has no address but loopback. Name one with --advertise, or stay on this machine with --listen [::1]:3030`,
  )
}

async function refuseSavedEntities(folder: string): Promise<void> {
  const shards = (await readdir(folder)).filter((name) => name.startsWith('shard-'))
  if (shards.length === 0) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot run in a cluster over ${folder}: entities were saved there by this machine alone, and the cluster would not find them. Name another folder with --data`,
  )
}

function gaveUp(what: string, patienceMs: number, cause: EpicError): EpicError {
  return new EpicError(
    'Unavailable',
    `Cannot ${what}, tried for ${patienceMs / 1000} s: ${cause.message}`,
    {
      cause,
    },
  )
}
