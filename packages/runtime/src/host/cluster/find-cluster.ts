/**
 * Looks for the cluster in the places that a machine was told (`--join`), until one of its machines has said where it is.
 *
 * All places are tried at once and again and again; the first answer counts. What went wrong is said once for each address, so that a
 * wrong key or a closed port does not hide behind "nobody there".
 */
import { randomUUID } from 'node:crypto'
import { EpicError, isEpicError } from '@epicserver/contracts'
import {
  BeaconSeal,
  findOnLan,
  parseMeetingPlaces,
  resolvePlace,
  type MeetingPlace,
  type Search,
} from '@epicserver/discovery'
import type { Pipe } from '@epicserver/net'
import type { Log } from '../../log.ts'
import { askDesk, deskPipe, type ClusterPlace, type DeskMessage } from './desk.ts'
import { trustOf, type SharedSecrets, type Trust } from './node-routes.ts'

export interface FindClusterOptions {
  /** As in `lan`, `dns:name`, `[fd00::7]:3030`, separated by commas. */
  readonly join: string
  readonly clusterName: string
  readonly secrets: SharedSecrets
  readonly patienceMs: number
  readonly log: Log
}

/** How often places that were named are tried. */
const RETRY_MS = 1_000

/**
 * @throws EpicError `SettingsInvalid`; `Unauthorized`, `Incompatible` or `Unavailable` when nobody has said it in time
 */
export async function findCluster(options: FindClusterOptions): Promise<ClusterPlace> {
  const search = new ClusterSearch(options, parseMeetingPlaces(options.join))
  try {
    return await search.run()
  } finally {
    search.close()
  }
}

/** The seal by which machines of a cluster know each other's beacons. */
export function beaconSealOf({ keyring }: Trust, clusterName: string): BeaconSeal {
  if (keyring === undefined) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot find machines by multicast without a cluster key: a certificate seals no beacon. Give a key, or name a machine: --join host:3030',
    )
  }
  return new BeaconSeal(
    keyring.accepted().map(({ beaconKey }) => beaconKey),
    clusterName,
  )
}

class ClusterSearch {
  readonly #options: FindClusterOptions
  readonly #places: readonly MeetingPlace[]
  readonly #pipe: Pipe<DeskMessage>
  readonly #failures = new Map<string, EpicError>()
  readonly #asking = new Set<string>()
  #lan: Search | undefined
  #timer: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #isOver = false
  #resolve: (place: ClusterPlace) => void = () => undefined

  constructor(options: FindClusterOptions, places: readonly MeetingPlace[]) {
    const { secrets, clusterName, log } = options
    this.#options = options
    this.#places = places
    const self = { clusterName, nodeId: `seeker-${randomUUID()}`, role: 'seeker' }
    this.#pipe = deskPipe(trustOf(secrets), self, log)
  }

  async run(): Promise<ClusterPlace> {
    const { patienceMs } = this.#options
    const found = new Promise<ClusterPlace>((resolve) => {
      this.#resolve = resolve
    })
    const isLan = this.#places.some(({ kind }) => kind === 'lan')
    if (isLan) this.#lan = await this.#searchLan()
    this.#tryNamed()
    const isTooLong = new Promise<undefined>((resolve) => {
      this.#timer = setTimeout(() => resolve(undefined), patienceMs)
    })
    const place = await Promise.race([found, isTooLong])
    if (place === undefined) throw this.#gaveUp()
    return place
  }

  close(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    clearTimeout(this.#retry)
    this.#lan?.close()
    this.#pipe.destroy('the search is over')
  }

  async #searchLan(): Promise<Search> {
    const { secrets, clusterName, log } = this.#options
    return await findOnLan({
      seal: beaconSealOf(trustOf(secrets), clusterName),
      handleFound: (addresses) => void this.#askOneOf(addresses),
      handleTrouble: (error) => log.debug('multicast failed', { error }),
    })
  }

  #tryNamed(): void {
    if (this.#isOver) return
    for (const place of this.#places) {
      if (place.kind === 'seed') void this.#askOneOf([place.address])
      if (place.kind === 'dns') void this.#askName(place)
    }
    this.#retry = setTimeout(() => this.#tryNamed(), RETRY_MS)
  }

  async #askName(place: MeetingPlace & { readonly kind: 'dns' }): Promise<void> {
    try {
      for (const address of await resolvePlace(place)) void this.#askOneOf([address])
    } catch (error) {
      this.#note(place.name, error)
    }
  }

  /** They are addresses of one machine, the best first. */
  async #askOneOf(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      if (this.#isOver || this.#asking.has(address)) continue
      this.#asking.add(address)
      try {
        this.#resolve(await askDesk(this.#pipe, address))
        return
      } catch (error) {
        this.#note(address, error)
      } finally {
        this.#asking.delete(address)
      }
    }
  }

  #note(where: string, error: unknown): void {
    if (this.#isOver) return
    if (!isEpicError(error)) throw error
    if (this.#failures.get(where)?.message !== error.message)
      this.#options.log.warn('no answer to where the cluster is', { where, problem: error.message })
    this.#failures.set(where, error)
  }

  #gaveUp(): EpicError {
    const { join, patienceMs } = this.#options
    const failures = [...this.#failures.values()]
    const telling = failures.find(({ code }) => code === 'Unauthorized' || code === 'Incompatible')
    const reasons = failures.map(({ message }) => message).join('; ')
    const { foreign, stale } = this.#lan?.counts ?? { foreign: 0, stale: 0 }
    const heard = [
      ...(foreign > 0
        ? [
            `beacons under another key or of another cluster were heard: compare the key, and --cluster-name`,
          ]
        : []),
      ...(stale > 0
        ? [`a beacon's stamp is over half a minute off: set the clocks of both machines`]
        : []),
    ].join('; ')
    return new EpicError(
      telling?.code ?? 'Unavailable',
      `Cannot find the cluster at "${join}", tried for ${patienceMs / 1000} s: ${[reasons, heard].filter(Boolean).join('; ') || 'nobody answered'}`,
      { ...(telling !== undefined && { cause: telling }) },
    )
  }
}
