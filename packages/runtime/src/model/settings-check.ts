/**
 * Checks the settings of a class when an app starts, for those who write JavaScript or silence the compiler: a misspelt setting
 * is refused with the nearest that exists, never ignored.
 */
import { EpicError } from '@epicserver/contracts'
import { nearest } from './nearest.ts'
import { isRef } from './ref.ts'

type Check = (value: unknown) => string | undefined

const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)
      ? undefined
      : `must be one of ${values.map((each) => JSON.stringify(each)).join(', ')}`
const isBoolean: Check = (value) =>
  typeof value === 'boolean' ? undefined : 'must be true or false'
const isFunction: Check = (value) =>
  typeof value === 'function' ? undefined : 'must be a function'
const isPositive: Check = (value) =>
  typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0'
const isWhole: Check = (value) =>
  Number.isInteger(value) && (value as number) > 0 ? undefined : 'must be a whole number above 0'
const isObject: Check = (value) =>
  typeof value === 'object' && value !== null ? undefined : 'must be an object'
const isList: Check = (value) => (Array.isArray(value) ? undefined : 'must be a list')

const isDurability: Check = (value) => {
  if (value === 'acknowledged' || value === 'manual') return undefined
  const everyMs =
    typeof value === 'object' && value !== null
      ? (value as { everyMs?: unknown }).everyMs
      : undefined
  return isPositive(everyMs) === undefined
    ? undefined
    : `must be 'acknowledged', 'manual' or { everyMs }`
}

const isPlacement: Check = (value) => {
  if (typeof value !== 'object' || value === null)
    return oneOf('hash', 'local', 'load', 'anywhere')(value)
  const { near, label } = value as { readonly near?: unknown; readonly label?: unknown }
  if (near !== undefined && label === undefined)
    return isRef(near) || typeof near === 'function'
      ? undefined
      : 'must be near a ref, or a function of the id that gives one'
  return typeof label === 'string' && label !== '' && near === undefined
    ? undefined
    : 'must name one label, or what it is near'
}

const CLASS_CHECKS: ReadonlyMap<string, Check> = new Map([
  ['version', isWhole],
  ['upgrade', isFunction],
  ['persistent', isBoolean],
  ['durability', isDurability],
  ['autoCreate', isBoolean],
  ['idleAfterMs', isPositive],
  ['transient', isList],
  ['indexes', isList],
  ['placement', isPlacement],
  ['lock', oneOf('none', 'method', 'entity')],
  ['mailboxMax', isWhole],
  ['operations', isObject],
])

const OPERATION_CHECKS: ReadonlyMap<string, Check> = new Map([
  ['oneWay', isBoolean],
  ['priority', oneOf('high', 'normal', 'low')],
  ['reliability', oneOf('reliable', 'unreliable')],
  ['coalesce', oneOf('latest')],
  ['lock', oneOf('none', 'method', 'entity')],
  ['atomic', isBoolean],
  ['idempotent', isBoolean],
  ['timeoutMs', isPositive],
  ['exposed', isBoolean],
  ['input', isObject],
  ['rate', isObject],
])

/** @throws EpicError `SettingsInvalid` with the first thing that is wrong. */
export function checkSettings(
  type: string,
  given: Readonly<Record<string, unknown>>,
  methods: ReadonlyMap<string, unknown>,
): void {
  checkAgainst(CLASS_CHECKS, given, `${type}.settings`)
  const operations = (given['operations'] ?? {}) as Readonly<Record<string, unknown>>
  for (const [name, said] of Object.entries(operations)) {
    const where = `${type}.settings.operations.${name}`
    if (!methods.has(name))
      refuse(where, `names no method of the class${nearest(name, methods.keys())}`)
    const problem = isObject(said)
    if (problem !== undefined) refuse(where, problem)
    checkAgainst(OPERATION_CHECKS, said as Readonly<Record<string, unknown>>, where)
    checkCombination(said as Readonly<Record<string, unknown>>, where)
  }
}

function checkAgainst(
  checks: ReadonlyMap<string, Check>,
  given: Readonly<Record<string, unknown>>,
  where: string,
): void {
  for (const [name, value] of Object.entries(given)) {
    const check = checks.get(name)
    if (check === undefined)
      refuse(`${where}.${name}`, `is not a setting${nearest(name, checks.keys())}`)
    if (value === undefined) continue
    const problem = check(value)
    if (problem !== undefined) refuse(`${where}.${name}`, `${problem}, not ${print(value)}`)
  }
}

function checkCombination(said: Readonly<Record<string, unknown>>, where: string): void {
  if (said['oneWay'] !== true) {
    if (said['reliability'] === 'unreliable')
      refuse(where, 'cannot be unreliable: only a one-way operation can')
    if (said['coalesce'] !== undefined)
      refuse(where, 'cannot coalesce: only a one-way operation can')
  }
  if (said['atomic'] === true && said['lock'] !== undefined && said['lock'] !== 'entity') {
    refuse(where, 'cannot be atomic with another lock than entity')
  }
}

function refuse(where: string, problem: string): never {
  throw new EpicError('SettingsInvalid', `Cannot use these settings: ${where} ${problem}`, {
    details: { where },
  })
}

function print(value: unknown): string {
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value))
}
