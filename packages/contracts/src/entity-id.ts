/**
 * The identity of an entity: the name of its type and an id, both strings.
 *
 * Idea: an identity is a value that costs nothing; it exists before the entity does and after it is gone. Its text form is
 * `Type/id`, split at the first slash, so that an id may hold slashes and everything else a person types.
 *
 * What is refused: an empty or over-long id, a lone surrogate (it has no UTF-8 form, so two ids could become one on disk),
 * a NUL (it ends strings in other people's tools) and line breaks (they forge log lines).
 */
import { EpicError } from './epic-error.ts'
import { ENTITY_ID_UNITS_MAX, TYPE_NAME_UNITS_MAX } from './limits.ts'

/** Who an entity is, wherever it lives. */
export interface EntityId {
  readonly type: string
  readonly id: string
}

const TYPE_NAME = /^[A-Za-z_$][A-Za-z0-9_$.-]*$/
// eslint-disable-next-line no-control-regex -- the point is to find control characters
const FORBIDDEN_IN_ID = /[\u0000\n\r\u2028\u2029]/

/** Prints an identity as people write it: `Player/bob`. */
export function formatEntityId(entity: EntityId): string {
  return `${entity.type}/${entity.id}`
}

/**
 * Reads `Player/bob`.
 * @throws EpicError `InvalidId` when there is no slash, or when one of the halves is not allowed.
 */
export function parseEntityId(text: string): EntityId {
  const slash = text.indexOf('/')
  if (slash <= 0) {
    throw new EpicError(
      'InvalidId',
      `Cannot read "${text}" as an entity: it has no "Type/id" form`,
      { details: { remedy: 'Write its type and its id, as in Player/bob.' } },
    )
  }
  const entity = { type: text.slice(0, slash), id: text.slice(slash + 1) }
  const problem = entityIdProblem(entity.type, entity.id)
  if (problem !== undefined) {
    throw new EpicError('InvalidId', `Cannot read "${text}" as an entity: ${problem}`)
  }
  return entity
}

/** Says why this type and id cannot name an entity, or `undefined` when they can. */
export function entityIdProblem(type: string, id: string): string | undefined {
  if (!isTypeName(type)) return `"${type}" is not a type name`
  if (id.length === 0) return 'the id is empty'
  if (id.length > ENTITY_ID_UNITS_MAX) {
    return `the id has ${id.length} of at most ${ENTITY_ID_UNITS_MAX} characters`
  }
  if (FORBIDDEN_IN_ID.test(id)) return 'the id holds a NUL or a line break'
  if (!isWellFormed(id)) return 'the id holds half of a surrogate pair'
  return undefined
}

/** Whether `name` can name an entity type: a JavaScript name, dots and dashes allowed inside. */
export function isTypeName(name: string): boolean {
  return name.length <= TYPE_NAME_UNITS_MAX && TYPE_NAME.test(name)
}

/** Whether `text` has a UTF-8 form: no half of a surrogate pair stands alone. */
export function isWellFormed(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false
    i += 1
  }
  return true
}
