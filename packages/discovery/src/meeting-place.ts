/**
 * Where a machine looks for its cluster, as text:
 *
 * | text | means |
 * | --- | --- |
 * | `lan` | ask the links by IPv6 multicast |
 * | `dns:epic.example.org` | the SRV records `_epic._tcp.epic.example.org`, else the addresses of the name |
 * | `[fd00::7]:3030`, `host:3030`, `host` | this machine |
 *
 * Several, separated by commas, are all tried.
 */
import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { EpicError } from '@epicserver/contracts'

export type MeetingPlace =
  | { readonly kind: 'lan' }
  | { readonly kind: 'dns'; readonly name: string; readonly port: number }
  | { readonly kind: 'seed'; readonly address: string }

/** The port of supervisors unless another is said. */
const PORT = 3030
const DNS_PREFIX = 'dns:'
const SEED = /^(?:\[([0-9a-f:.%\w]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i
const PORT_MAX = 65_535
/** A server that is slower is asked once more; whoever joins asks again anyway. */
const ANSWER_MS_MAX = 2_000
const TRIES = 2

/** @throws EpicError `SettingsInvalid` */
export function parseMeetingPlaces(text: string): MeetingPlace[] {
  const places = text.split(',').map((part) => parseOne(part.trim()))
  return places
}

/**
 * The addresses behind a name. No answer is no address, and may be one later.
 * @param servers - whom to ask; those of the system without it
 * @throws EpicError `Unavailable` when no server answers
 */
export async function resolvePlace(
  { name, port }: { readonly name: string; readonly port: number },
  servers?: readonly string[],
): Promise<string[]> {
  const resolver = new Resolver({ timeout: ANSWER_MS_MAX, tries: TRIES })
  if (servers !== undefined) resolver.setServers(servers)
  const services = await resolver.resolveSrv(`_epic._tcp.${name}`).catch(unlessMissing)
  if (services.length > 0) {
    return services
      .toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
      .map((service) => formatPlace(service.name, service.port))
  }
  const [six, four] = await Promise.all([
    resolver.resolve6(name).catch(unlessMissing),
    resolver.resolve4(name).catch(unlessMissing),
  ])
  return [...six, ...four].map((address) => formatPlace(address, port))
}

function parseOne(text: string): MeetingPlace {
  if (text === 'lan') return { kind: 'lan' }
  const isName = text.startsWith(DNS_PREFIX)
  const match = SEED.exec(isName ? text.slice(DNS_PREFIX.length) : text)
  const [, bracketed, plain, portText] = match ?? []
  const port = portText === undefined ? PORT : Number(portText)
  const host = bracketed ?? plain
  const isHost = bracketed === undefined || isIPv6(bracketed)
  if (host === undefined || port > PORT_MAX || !isHost || (isName && bracketed !== undefined)) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot look for the cluster at "${text}": write lan, dns:name, host:3030 or [address]:3030`,
    )
  }
  return isName
    ? { kind: 'dns', name: host, port }
    : { kind: 'seed', address: formatPlace(host, port) }
}

function formatPlace(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Names that are not there, or not yet, are no error of ours. */
function unlessMissing(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENODATA' || error.code === 'ENOTFOUND') return []
  throw new EpicError('Unavailable', `Cannot ask DNS: ${error.message}`, { cause: error })
}
