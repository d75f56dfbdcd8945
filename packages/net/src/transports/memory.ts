/**
 * Both ends in one process: messages are handed over as they are, without a copy.
 *
 * So sender and receiver share them, and neither may change one afterwards. Names are those of one {@link MemoryHub}; there is
 * one for the whole process, and tests make their own.
 */
import { EpicError } from '@epicserver/contracts'
import { ObjectLink } from '../object-link.ts'
import type { Link } from '../link.ts'
import type { PeerAddress } from '../peer-address.ts'
import type { ListenEvents, Listening, Transport } from '../transport.ts'

/** Who listens, by name. */
export class MemoryHub {
  readonly #listeners = new Map<string, ListenEvents>()

  listen(name: string, events: ListenEvents): Listening {
    if (this.#listeners.has(name)) {
      throw new EpicError('Unavailable', `Cannot listen at ${name}: someone does already`)
    }
    this.#listeners.set(name, events)
    return {
      address: name,
      close: () => {
        this.#listeners.delete(name)
        return Promise.resolve()
      },
    }
  }

  connect(name: string): Link {
    const events = this.#listeners.get(name)
    const peer: PeerAddress = { transport: 'memory', host: name }
    const admission = events?.admit(peer)
    if (events === undefined || admission === undefined) {
      const found = events === undefined ? 'nobody listens' : 'it lets nobody in'
      throw new EpicError('Unavailable', `Cannot connect to ${name}: ${found}`)
    }
    const [ours, theirs] = ObjectLink.pair(peer, peer)
    events.accepted(theirs, admission)
    return ours
  }
}

const processHub = new MemoryHub()

/** Channels within this process; an address is a name. */
export function memoryTransport(hub: MemoryHub = processHub): Transport {
  return {
    name: 'memory',
    isProtected: () => true,
    listen: async (name, events) => hub.listen(name, events),
    connect: async (name) => hub.connect(name),
    describe: () => 'memory',
  }
}
