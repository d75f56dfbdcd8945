/** The member that an operator names: by its id, or by a beginning of it that no other has. */
import { EpicError } from '@epicserver/contracts'
import type { MemberInfo } from '@epicserver/fabric'

/** @throws EpicError `NotFound` where there is none, or might be several */
export function namedMember(name: string, members: readonly MemberInfo[]): MemberInfo {
  const exact = members.find(({ nodeId }) => nodeId === name)
  if (exact !== undefined) return exact
  const matching = members.filter(({ nodeId }) => name !== '' && nodeId.startsWith(name))
  const [only] = matching
  if (only === undefined) throw notFound(`Cannot find node "${name}": the nodes are`, members)
  if (matching.length === 1) return only
  throw notFound(`Cannot tell which node "${name}" is: so begin`, matching)
}

function notFound(what: string, members: readonly MemberInfo[]): EpicError {
  const known = members.map(({ nodeId }) => nodeId).join(', ') || 'none'
  return new EpicError('NotFound', `${what} ${known}`, {
    details: { remedy: "Give a node's id, or the beginning of it that no other has." },
  })
}
