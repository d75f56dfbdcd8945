/** What a pipe asks of a transport; implement it to carry channels over something else. */
import type { Link } from './link.ts'
import type { PeerAddress } from './peer-address.ts'

/** A connection that was let in, and is not a channel yet. */
export interface Admission {
  /** Aborted when the connection must end before it is a link: it took too long, or the pipe is over. */
  readonly signal: AbortSignal
  /** The connection ended (`Unavailable`) or did not prove itself (`Unauthorized`) before it became a link. */
  handleFailed(code: 'Unavailable' | 'Unauthorized', reason: string): void
}

/** What listening tells its owner. */
export interface ListenEvents {
  /** Someone connects. `undefined` refuses it before it costs anything. */
  admit(peer: PeerAddress): Admission | undefined
  /** An admitted connection is ready. */
  accepted(link: Link, admission: Admission): void
  /** Someone could not be accepted, for want of file handles for example. Listening goes on. */
  handleTrouble(error: Error): void
}

/** Something that listens. */
export interface Listening {
  /** Where others connect to; with the port that was given by the system, for example. */
  readonly address: string
  /** Stops accepting; what was accepted stays. */
  close(): Promise<void>
}

/** Makes connections. */
export interface Transport {
  readonly name: string
  /** Whether what listens at this address is out of other machines' reach, or asks them for proof before anything else. */
  isProtected(address: string): boolean
  /**
   * @throws EpicError `Unavailable` when the address cannot be had, `DataFolderUnsafe` when it must not, `SettingsInvalid` when
   * it is none.
   */
  listen(address: string, events: ListenEvents): Promise<Listening>
  /** @throws EpicError `Unavailable`, and the others as above. */
  connect(address: string, signal: AbortSignal): Promise<Link>
  describe(): string
}
