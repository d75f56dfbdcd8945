/**
 * What may be asked of a cluster store: the rules of the port that no provider should invent for itself.
 *
 * A key is text with a UTF-8 form and is stored as its UTF-8 bytes, so half of a surrogate pair is refused: two keys could become
 * one on disk. Everything else is allowed, NUL and line breaks too: keys are compared, never printed raw or spliced into statements.
 *
 * A transaction may write a key once only. Engines differ in what a second write would mean (one of them refuses it), and no
 * caller needs it.
 */
import type { ClusterStoreLimits, Cmp, Op, Txn } from './cluster-store.ts'
import { EpicError } from './epic-error.ts'
import { CLUSTER_KEY_BYTES_MAX, LEASE_TTL_MS_MAX } from './limits.ts'

/** Says why `key` cannot be a key of a cluster store, or `undefined` when it can. */
export function clusterKeyProblem(key: string): string | undefined {
  if (key.length === 0) return 'it is empty'
  return prefixProblem(key)
}

/**
 * Refuses a key that no provider could keep.
 * @throws EpicError `InvalidId`.
 */
export function checkClusterKey(key: string): void {
  refuse('key', key, clusterKeyProblem(key))
}

/**
 * Refuses a prefix that no key could start with. The empty prefix stands for every key.
 * @throws EpicError `InvalidId`.
 */
export function checkClusterPrefix(prefix: string): void {
  refuse('prefix', prefix, prefixProblem(prefix))
}

/**
 * Refuses a lease time that is no whole number of milliseconds, or beyond a day.
 * @throws EpicError `SettingsInvalid`.
 */
export function checkLeaseTtl(ttlMs: number): void {
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0 && ttlMs <= LEASE_TTL_MS_MAX) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot grant a lease of ${ttlMs} ms: it must be a whole number from 1 to ${LEASE_TTL_MS_MAX}`,
  )
}

/**
 * Refuses a transaction that breaks the rules of the port or a provider's limits, before anything of it is done.
 * @throws EpicError `InvalidId` for a key, `MessageTooLarge` for a limit, `SettingsInvalid` for a key that is written twice.
 */
export function checkTxn(txn: Txn, limits: ClusterStoreLimits): void {
  checkConditions(txn.if, limits)
  checkOps(txn.then, limits)
  if (txn.else !== undefined) checkOps(txn.else, limits)
}

function checkConditions(conditions: readonly Cmp[], limits: ClusterStoreLimits): void {
  checkCount('conditions', conditions.length, limits)
  for (const condition of conditions) checkClusterKey(condition.key)
}

function checkOps(ops: readonly Op[], limits: ClusterStoreLimits): void {
  checkCount('operations', ops.length, limits)
  const written = new Set<string>()
  for (const op of ops) {
    checkClusterKey(op.key)
    if (op.op === 'get') continue
    if (written.has(op.key)) {
      throw new EpicError(
        'SettingsInvalid',
        `Cannot run a transaction: it writes the key ${JSON.stringify(op.key)} twice`,
      )
    }
    written.add(op.key)
    if (op.op === 'put' && op.value.byteLength > limits.valueBytesMax) {
      throw new EpicError(
        'MessageTooLarge',
        `Cannot put ${JSON.stringify(op.key)}: the value has ${op.value.byteLength} of at most ${limits.valueBytesMax} bytes`,
      )
    }
  }
}

function checkCount(what: string, count: number, limits: ClusterStoreLimits): void {
  if (count <= limits.txnOpsMax) return
  throw new EpicError(
    'MessageTooLarge',
    `Cannot run a transaction: it has ${count} of at most ${limits.txnOpsMax} ${what}`,
  )
}

function prefixProblem(text: string): string | undefined {
  // A UTF-16 unit takes at least one byte, so an enormous text is refused without walking it.
  const bytes = text.length > CLUSTER_KEY_BYTES_MAX ? text.length : utf8Length(text)
  if (bytes < 0) return 'it holds half of a surrogate pair'
  if (bytes > CLUSTER_KEY_BYTES_MAX) {
    return `it has ${bytes} of at most ${CLUSTER_KEY_BYTES_MAX} bytes`
  }
  return undefined
}

/** The bytes that `text` takes in UTF-8, or -1 when it has no UTF-8 form. */
function utf8Length(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3
    else {
      const next = text.charCodeAt(i + 1)
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return -1
      bytes += 4
      i += 1
    }
  }
  return bytes
}

function refuse(what: string, text: string, problem: string | undefined): void {
  if (problem === undefined) return
  const shown = text.length > 64 ? `${text.slice(0, 64)}…` : text
  throw new EpicError(
    'InvalidId',
    `Cannot use ${JSON.stringify(shown)} as a cluster ${what}: ${problem}`,
  )
}
