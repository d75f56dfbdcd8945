/**
 * Whether two values are the same graph: equal in every part, and with one object on the one side
 * wherever there is one on the other. `deepStrictEqual` would take a copy for a shared object, and
 * holds two invalid dates to differ.
 */
import assert from 'node:assert/strict'

export function assertSameGraph(actual: unknown, expected: unknown): void {
  const counterparts = new Map<unknown, unknown>()
  const pairs: [unknown, unknown][] = [[actual, expected]]
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [left, right] = pair
    if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null) {
      assert.ok(Object.is(left, right), `${String(left)} is not ${String(right)}`)
    } else if (counterparts.has(left)) {
      assert.ok(counterparts.get(left) === right, 'two objects became one')
    } else {
      counterparts.set(left, right)
      const lefts = partsOf(left)
      const rights = partsOf(right)
      assert.equal(lefts.length, rights.length, 'as many parts')
      for (const [i, part] of lefts.entries()) pairs.push([part, rights[i]])
    }
  }
  assert.equal(new Set(counterparts.values()).size, counterparts.size, 'one object became two')
}

/** All that makes up an object, its class included, in an order that its copy has too. */
function partsOf(value: object): unknown[] {
  const kind = Object.prototype.toString.call(value)
  if (value instanceof Date) return [kind, value.getTime()]
  if (value instanceof Map) return [kind, ...([...value] as unknown[][]).flat()]
  if (value instanceof Set) return [kind, ...value]
  if (value instanceof ArrayBuffer) return [kind, ...new Uint8Array(value)]
  if (ArrayBuffer.isView(value)) {
    return [kind, ...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)]
  }
  if (Array.isArray(value)) return [kind, value.length, ...fieldsOf(value)]
  if (value instanceof Error)
    return [kind, value.constructor.name, value.name, value.message, ...fieldsOf(value)]
  return [kind, Object.getPrototypeOf(value) === Object.prototype, ...fieldsOf(value)]
}

function fieldsOf(value: object): unknown[] {
  return (Object.entries(value) as unknown[][]).flat()
}
