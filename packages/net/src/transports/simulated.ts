/**
 * A network that someone else drives: for simulations, which decide what arrives, and when.
 *
 * Every chunk of bytes, and every beginning and end of a connection, is a parcel that is given to the {@link SimulatedNetwork};
 * it arrives when the network calls `arrive()`. Delays, partitions, loss and crashes are therefore the network's: there is no
 * clock here, no timer and no chance.
 *
 * A connection behaves as one of TCP: what arrives out of order waits for what is missing, what arrives twice counts once, and
 * what never arrives stalls all behind it, until a heartbeat gives up.
 */
import { EpicError } from '@epicserver/contracts'
import type { Link } from '../link.ts'
import type { ListenEvents, Listening, Transport } from '../transport.ts'
import { SimulatedEnd, parcelOf } from './simulated-end.ts'
import type { Parcel } from './simulated-end.ts'

/** Decides when, and whether, parcels arrive. It may call `arrive()` at once. */
export interface SimulatedNetwork {
  carry(parcel: Parcel): void
}

/**
 * The hosts of one simulated network.
 * @example
 * const space = new SimulatedSpace({ carry: (parcel) => clock.setTimer(() => parcel.arrive(), 1) })
 * const pipe = createPipe({ transport: space.transport('n1'), clock })
 */
export class SimulatedSpace {
  readonly #network: SimulatedNetwork
  readonly #listeners = new Map<string, ListenEvents>()
  readonly #ends = new Map<string, Set<SimulatedEnd>>()

  constructor(network: SimulatedNetwork) {
    this.#network = network
  }

  /** The transport of one host; addresses are names of hosts. */
  transport(host: string): Transport {
    return {
      name: 'simulated',
      isProtected: () => true,
      listen: async (address, events) => this.#listen(address, events),
      connect: (address, signal) => this.#connect({ from: host, to: address, signal }),
      describe: () => `simulated ${host}`,
    }
  }

  /**
   * The host stops at once and keeps nothing. Its peers learn of it as of a process that was killed (their connections are
   * reset); with `silent` they learn nothing, as when a machine is lost.
   */
  crash(host: string, { silent = false }: { readonly silent?: boolean } = {}): void {
    this.#listeners.delete(host)
    const ends = [...(this.#ends.get(host) ?? [])]
    this.#ends.delete(host)
    for (const end of ends) end.crash(silent)
  }

  #listen(address: string, events: ListenEvents): Listening {
    if (this.#listeners.has(address)) {
      throw new EpicError('Unavailable', `Cannot listen at ${address}: someone does already`)
    }
    this.#listeners.set(address, events)
    return {
      address,
      close: () => {
        if (this.#listeners.get(address) === events) this.#listeners.delete(address)
        return Promise.resolve()
      },
    }
  }

  #connect({ from, to, signal }: Route): Promise<Link> {
    return new Promise((resolve, reject) => {
      const [ours, theirs] = this.#pair(from, to)
      const abort = (): void => {
        ours.destroy()
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', abort, { once: true })
      const answer = (isAccepted: boolean): void => {
        signal.removeEventListener('abort', abort)
        if (isAccepted) resolve(ours)
        else reject(new EpicError('Unavailable', `Cannot connect to ${to}: it refused`))
      }
      const knock = parcelOf({ from, to, kind: 'connect', bytes: 0 }, () => {
        const isAccepted = this.#accept(theirs, { from, to })
        const kind = isAccepted ? 'accept' : 'refuse'
        this.#network.carry(
          parcelOf({ from: to, to: from, kind, bytes: 0 }, () => answer(isAccepted)),
        )
      })
      this.#network.carry(knock)
    })
  }

  #accept(theirs: SimulatedEnd, { from, to }: Omit<Route, 'signal'>): boolean {
    const events = this.#listeners.get(to)
    const admission = events?.admit({ transport: 'simulated', host: from })
    if (events === undefined || admission === undefined) return false
    this.#endsOf(to).add(theirs)
    events.accepted(theirs, admission)
    return true
  }

  #pair(from: string, to: string): [SimulatedEnd, SimulatedEnd] {
    const carry = (parcel: Parcel): void => this.#network.carry(parcel)
    const handleOver = (end: SimulatedEnd): void => {
      this.#ends.get(from)?.delete(end)
      this.#ends.get(to)?.delete(end)
    }
    const ours = new SimulatedEnd({ host: from, other: to, carry, handleOver })
    const theirs = new SimulatedEnd({ host: to, other: from, carry, handleOver })
    ours.join(theirs)
    this.#endsOf(from).add(ours)
    return [ours, theirs]
  }

  #endsOf(host: string): Set<SimulatedEnd> {
    const ends = this.#ends.get(host) ?? new Set()
    this.#ends.set(host, ends)
    return ends
  }
}

interface Route {
  readonly from: string
  readonly to: string
  readonly signal: AbortSignal
}
