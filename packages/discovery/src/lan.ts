/** Announces a machine on its links, and finds those of its cluster there. */
import type { BeaconSeal } from './beacon.ts'
import { BeaconFinder } from './beacon-finder.ts'
import type { FinderCounts } from './beacon-finder.ts'
import { decodeDnsMessage, encodeDnsMessage } from './dns-message.ts'
import { bytesFromIp, ipFromBytes } from './ip-bytes.ts'
import {
  ADDRESSES_MAX,
  ANSWER_PAUSE_MS,
  ASK_AGAIN_MS,
  BEACON_TTL_S,
  PACKET_BYTES_MAX,
} from './limits.ts'
import { linkInterfaces, MulticastSocket } from './multicast-socket.ts'
import type { LinkInterface, MulticastCounts } from './multicast-socket.ts'
import { isAbout, messageOf, QUESTION } from './service.ts'

interface LanOptions {
  readonly seal: BeaconSeal
  /** 5353, unless a test has a network of its own. */
  readonly multicastPort?: number
  /** Told of what goes wrong and may pass. */
  readonly handleTrouble: (error: Error) => void
}

export interface AnnounceOptions extends LanOptions {
  /** A name that no other machine has: letters, digits and hyphens. */
  readonly instance: string
  /** Where this machine answers those who knock. */
  readonly port: number
}

/** An announcement that is being made. */
export interface Announcement {
  readonly counts: MulticastCounts
  /** Says goodbye and stops. */
  close(): void
}

/**
 * Tells the links that this machine is there, and answers who asks.
 * @throws EpicError `Unavailable` where there is no IPv6
 */
export async function announceOnLan(options: AnnounceOptions): Promise<Announcement> {
  const { seal, instance, port, multicastPort, handleTrouble } = options
  let answeredAt = -Infinity
  const socket = await MulticastSocket.open({
    ...(multicastPort !== undefined && { port: multicastPort }),
    handleTrouble,
    handlePacket: ({ bytes }) => {
      const now = performance.now()
      if (bytes.length > PACKET_BYTES_MAX || now - answeredAt < ANSWER_PAUSE_MS) return
      const message = decodeDnsMessage(bytes)
      const self = { instance, port, addresses: [] }
      if (message === undefined || message.isResponse) return
      if (!message.questions.some((question) => isAbout(question, self))) return
      answeredAt = now
      say()
    },
  })
  const say = (ttl: number = BEACON_TTL_S): void => {
    for (const link of linkInterfaces()) {
      const beacon = { instance, port, addresses: addressesOn(link) }
      const entries = seal.seal(beacon, Date.now())
      socket.send(encodeDnsMessage(messageOf({ beacon, entries }, ttl)), link)
    }
  }
  say()
  // Once more, since nobody confirms a packet.
  const again = setTimeout(() => say(), ANSWER_PAUSE_MS)
  return {
    get counts() {
      return socket.counts
    },
    close: () => {
      clearTimeout(again)
      say(0)
      // What was just said is handed to the system before the socket is closed.
      setImmediate(() => socket.close())
    },
  }
}

export interface FindOptions extends LanOptions {
  /** Addresses of one machine of the cluster at which to knock, the best first. */
  readonly handleFound: (addresses: readonly string[]) => void
}

/** A search that goes on until it is closed. */
export interface Search {
  readonly counts: FinderCounts & MulticastCounts
  close(): void
}

/**
 * Asks the links for machines of the cluster, again and again.
 * @throws EpicError `Unavailable` where there is no IPv6
 */
export async function findOnLan(options: FindOptions): Promise<Search> {
  const { seal, multicastPort, handleFound, handleTrouble } = options
  const finder = new BeaconFinder(seal)
  const socket = await MulticastSocket.open({
    ...(multicastPort !== undefined && { port: multicastPort }),
    handleTrouble,
    handlePacket: (packet) => {
      const now = { wallMs: Date.now(), monotonicMs: performance.now() }
      const addresses = finder.handlePacket(packet, now)
      if (addresses.length > 0) handleFound(addresses)
    },
  })
  const question = encodeDnsMessage(QUESTION)
  let timer: NodeJS.Timeout | undefined
  const ask = (times: number): void => {
    for (const link of linkInterfaces()) socket.send(question, link)
    const pauseMs = ASK_AGAIN_MS[Math.min(times, ASK_AGAIN_MS.length - 1)]
    timer = setTimeout(() => ask(times + 1), pauseMs)
  }
  ask(1)
  return {
    get counts() {
      return { ...finder.counts, ...socket.counts }
    },
    close: () => {
      clearTimeout(timer)
      socket.close()
    },
  }
}

/** In the form in which records carry them, since they are sealed. */
function addressesOn({ addresses }: LinkInterface): string[] {
  return addresses
    .flatMap((address) => bytesFromIp(address) ?? [])
    .map((bytes) => ipFromBytes(bytes))
    .slice(0, ADDRESSES_MAX)
}
