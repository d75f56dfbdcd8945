/**
 * What all machines of a cluster must agree on, written down at the engine by the first that came.
 *
 * Who comes later compares, and is told which line differs. The cluster's id and its number of partitions hold for good; the rest may be
 * changed by whoever comes while no member lives.
 */
import { randomUUID } from 'node:crypto'
import { EpicError, PARTITIONS, type ClusterStore, type Rec } from '@epicserver/contracts'
import { livingMembers } from '../members.ts'
import type { ClusterSettings } from './cluster-settings.ts'

/** The lines that must be equal everywhere, by their names. */
export type Agreement = Readonly<Record<string, string>>

export interface Charter {
  readonly clusterId: string
  readonly agreement: Agreement
}

/** Where it lies at the engine. */
export const CHARTER_KEY = 'charter'
const FORMAT = 1
/** Lines that never change. */
const FOR_GOOD = ['partitions']

export function agreementOf({ state, onEngineLoss }: ClusterSettings): Agreement {
  return {
    partitions: String(PARTITIONS),
    state: state.split(':', 1)[0] ?? state,
    onEngineLoss,
  }
}

/** As nodes compare it when they meet. */
export function compatibilityOf(agreement: Agreement): string {
  return Object.entries(agreement)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

/**
 * Reads the charter, or writes it where there is none, or none that anybody lives by. What it says may differ from `agreement`: see
 * {@link conflictBetween}.
 * @throws EpicError `Incompatible` for another format, `CorruptRecord`, and what the store throws
 */
export async function readCharter(store: ClusterStore, agreement: Agreement): Promise<Charter> {
  for (;;) {
    const rec = await store.get(CHARTER_KEY)
    const found = rec === null ? undefined : decodeCharter(rec)
    if (found !== undefined && !(await isReplaceable(store, found, agreement))) return found
    const charter = { clusterId: found?.clusterId ?? randomUUID(), agreement }
    const { ok } = await store.txn({
      if: [
        rec === null
          ? { key: CHARTER_KEY, is: 'missing' }
          : { key: CHARTER_KEY, is: 'at', rev: rec.rev },
      ],
      then: [{ op: 'put', key: CHARTER_KEY, value: encodeCharter(charter) }],
    })
    if (ok) return charter
  }
}

/**
 * Makes sure that the engine is still that of a cluster.
 * @throws EpicError `Incompatible` when it knows nothing of it, and what the store throws
 */
export async function checkCharter(store: ClusterStore, clusterId: string): Promise<void> {
  const rec = await store.get(CHARTER_KEY)
  const found = rec === null ? undefined : decodeCharter(rec).clusterId
  if (found === clusterId) return
  const state = found === undefined ? 'it is empty' : `it is that of cluster ${found}`
  throw new EpicError(
    'Incompatible',
    `Cannot go on as cluster ${clusterId}: its engine knows nothing of it any more, ${state}. Bring the engine's data back, and nodes come back by themselves; if it is lost for good, stop all machines and start the first with --adopt-state`,
  )
}

/** Which lines differ, as an error to throw; `undefined` when none does. */
export function conflictBetween(theirs: Agreement, ours: Agreement): EpicError | undefined {
  const lines = namesThatDiffer(theirs, ours).map(
    (name) => `${name} is "${lineOf(theirs, name)}" there and "${lineOf(ours, name)}" here`,
  )
  if (lines.length === 0) return undefined
  return new EpicError('Incompatible', `Cannot join the cluster: ${lines.join('; ')}`)
}

async function isReplaceable(
  store: ClusterStore,
  { agreement: theirs }: Charter,
  ours: Agreement,
): Promise<boolean> {
  const differing = namesThatDiffer(theirs, ours)
  if (differing.length === 0 || differing.some((name) => FOR_GOOD.includes(name))) return false
  return (await livingMembers(store)).length === 0
}

/** The bytes of the record. */
export function encodeCharter(charter: Charter): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ format: FORMAT, ...charter }))
}

/** @throws EpicError `Incompatible` for another format, `CorruptRecord` */
export function decodeCharter({ value }: Rec): Charter {
  const problem = (why: string, code: 'CorruptRecord' | 'Incompatible'): EpicError =>
    new EpicError(
      code,
      `Cannot read the cluster's charter at the engine (key "${CHARTER_KEY}"): ${why}`,
    )
  let content: { readonly [Name in keyof Charter | 'format']?: unknown } | null
  try {
    content = JSON.parse(new TextDecoder().decode(value)) as typeof content
  } catch (cause) {
    throw problem(`it is no JSON (${String(cause)})`, 'CorruptRecord')
  }
  const { format, clusterId, agreement } = content ?? {}
  if (format !== FORMAT) {
    throw problem(
      `its format is ${String(format)}, and this version knows ${FORMAT}`,
      'Incompatible',
    )
  }
  if (typeof clusterId !== 'string' || !isAgreement(agreement)) {
    throw problem('parts of it are missing', 'CorruptRecord')
  }
  return { clusterId, agreement }
}

function isAgreement(value: unknown): value is Agreement {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((line) => typeof line === 'string')
  )
}

function namesThatDiffer(theirs: Agreement, ours: Agreement): string[] {
  const names = new Set([...Object.keys(theirs), ...Object.keys(ours)])
  return [...names].filter((name) => lineOf(theirs, name) !== lineOf(ours, name))
}

/** Own properties only: the names come from the engine. */
function lineOf(agreement: Agreement, name: string): string {
  return Object.hasOwn(agreement, name) ? (agreement[name] ?? '') : ''
}
