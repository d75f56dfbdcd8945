/**
 * Where a node of a cluster is reached, as its member record says it: `[fd00::7]:3031/node-0-4711.sock`.
 *
 * The first part is for other machines. The second is the socket in the run folder of its own machine, for the nodes beside it: what
 * stays within a machine needs no encryption, and a unix socket carries more than tcp does. A node takes it where the other has its own
 * host and the socket is there; who connects is proved on either way, so a mistake costs an attempt and nothing else.
 */
import { formatTcpAddress, parseTcpAddress, type TcpAddress } from '@epicserver/net'

export interface NodeAddress extends TcpAddress {
  /** The name of its socket among its neighbours'. */
  readonly socket: string
}

export function formatNodeAddress({ socket, ...address }: NodeAddress): string {
  return `${formatTcpAddress(address)}/${socket}`
}

/** @throws EpicError `SettingsInvalid` */
export function parseNodeAddress(text: string): NodeAddress {
  const slash = text.indexOf('/')
  const end = slash < 0 ? text.length : slash
  return { ...parseTcpAddress(text.slice(0, end)), socket: text.slice(end + 1) }
}
