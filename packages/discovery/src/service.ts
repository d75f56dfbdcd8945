/**
 * A beacon as DNS-SD describes a service, so that standard tools list it: `avahi-browse -r _epic._tcp`.
 *
 * | record | says |
 * | --- | --- |
 * | PTR `_epic._tcp.local` | there is this instance |
 * | SRV of the instance | its host and port |
 * | TXT of the instance | the seal |
 * | AAAA, A of the host | its addresses |
 */
import { isIPv4 } from 'node:net'
import type { Beacon, SealEntries } from './beacon.ts'
import { DNS_TYPES } from './dns-message.ts'
import type { DnsMessage, DnsQuestion, DnsRecord } from './dns-message.ts'
import { ADDRESSES_MAX } from './limits.ts'

const SERVICE = '_epic._tcp.local'
/** Where tools ask which kinds of service there are. */
const ALL_SERVICES = '_services._dns-sd._udp.local'

/** A beacon with its seal, as it was read. */
export interface SealedBeacon {
  readonly beacon: Beacon
  readonly entries: SealEntries
}

/** What a seeker asks. */
export const QUESTION: DnsMessage = {
  isResponse: false,
  questions: [{ name: SERVICE, type: DNS_TYPES.PTR }],
  records: [],
}

/** Whether a question is one that this beacon answers. */
export function isAbout({ name, type }: DnsQuestion, { instance }: Beacon): boolean {
  const asked = name.toLowerCase()
  const isAny = type === DNS_TYPES.ANY
  if (asked === SERVICE || asked === ALL_SERVICES) return isAny || type === DNS_TYPES.PTR
  if (asked === serviceName(instance))
    return isAny || type === DNS_TYPES.SRV || type === DNS_TYPES.TXT
  return asked === hostName(instance) && (isAny || type === DNS_TYPES.AAAA || type === DNS_TYPES.A)
}

/** The answer that says it all; with a TTL of 0 it says goodbye. */
export function messageOf({ beacon, entries }: SealedBeacon, ttl: number): DnsMessage {
  const { instance, port, addresses } = beacon
  const [name, host] = [serviceName(instance), hostName(instance)]
  const records: DnsRecord[] = [
    { type: 'PTR', name: SERVICE, ttl, target: name },
    { type: 'PTR', name: ALL_SERVICES, ttl, target: SERVICE },
    { type: 'SRV', name, ttl, port, target: host },
    { type: 'TXT', name, ttl, entries },
    ...addresses.map((address): DnsRecord => {
      return { type: isIPv4(address) ? 'A' : 'AAAA', name: host, ttl, address }
    }),
  ]
  return { isResponse: true, questions: [], records }
}

/** The beacons of our kind in a message; whose they are is not known yet. Half of one is none. */
export function beaconsIn({ isResponse, records }: DnsMessage): SealedBeacon[] {
  if (!isResponse) return []
  return records.flatMap((record) => {
    if (record.type !== 'SRV' || record.ttl === 0) return []
    const name = record.name.toLowerCase()
    const instance = name.slice(0, -SERVICE.length - 1)
    if (name !== serviceName(instance) || !/^[a-z0-9-]{1,63}$/.test(instance)) return []
    const text = records.find((other) => other.type === 'TXT' && other.name.toLowerCase() === name)
    const addresses = addressesOf(records, record.target)
    if (text?.type !== 'TXT' || addresses.length === 0) return []
    return [{ beacon: { instance, port: record.port, addresses }, entries: text.entries }]
  })
}

function addressesOf(records: readonly DnsRecord[], host: string): string[] {
  return records
    .flatMap((record) => {
      const isAddress = record.type === 'A' || record.type === 'AAAA'
      return isAddress && record.name.toLowerCase() === host.toLowerCase() ? [record.address] : []
    })
    .slice(0, ADDRESSES_MAX)
}

function serviceName(instance: string): string {
  return `${instance}.${SERVICE}`
}

function hostName(instance: string): string {
  return `${instance}.local`
}
