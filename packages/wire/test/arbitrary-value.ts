/** Arbitrary values of every kind that the codec carries, with shared objects and cycles. */
import fc from 'fast-check'

/** One container to be built: its items are leaves, or the numbers of other containers. */
interface Plan {
  readonly kind: 'array' | 'object' | 'map' | 'set' | 'error'
  readonly items: readonly { readonly key: string; readonly leaf: unknown; readonly to: number }[]
}

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.array(fc.nat({ max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
)

const edgeNumber = fc.constantFrom(
  ...[0, -0, Number.NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 31, 2 ** 32, 0.1],
  ...[127, 128, 255, 256, 65_535, 65_536, -32, -33, -128, -129, -32_768, -32_769],
)

const bigint = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.constantFrom(0n, 2n ** 63n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 2n ** 64n),
)

const view = fc.oneof(
  ...[fc.uint8Array(), fc.int8Array(), fc.uint8ClampedArray(), fc.uint16Array()],
  ...[fc.int32Array(), fc.float32Array(), fc.float64Array(), fc.bigUint64Array()],
)

const leaf = fc.oneof(
  ...[text, fc.integer(), fc.double(), edgeNumber, bigint, fc.boolean(), fc.date()],
  ...[view, fc.uint8Array().map((bytes) => bytes.buffer)],
  fc.constantFrom(undefined, null, new Date(Number.NaN)),
)

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom('array', 'object', 'map', 'set', 'error'),
  items: fc.array(fc.record({ key: text, leaf, to: fc.integer({ min: -6, max: 5 }) }), {
    maxLength: 5,
  }),
})

/** Values whose containers point at each other in any way. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 1, arbitrary: leaf },
  { weight: 3, arbitrary: fc.array(plan, { minLength: 1, maxLength: 6 }).map(build) },
)

function build(plans: readonly Plan[]): unknown {
  const made = plans.map(({ kind }) => emptyOf(kind))
  for (const [i, { items }] of plans.entries()) {
    for (const { key, leaf: value, to } of items) put(made[i]!, key, made[to] ?? value)
  }
  return made[0]
}

type Container =
  | unknown[]
  | Map<unknown, unknown>
  | Set<unknown>
  | (Error & { data?: unknown })
  | Record<string, unknown>

function emptyOf(kind: Plan['kind']): Container {
  if (kind === 'array') return []
  if (kind === 'map') return new Map()
  if (kind === 'set') return new Set()
  return kind === 'error' ? new RangeError('out of range') : {}
}

function put(container: Container, key: string, value: unknown): void {
  if (Array.isArray(container)) container[container.length + (key.length % 2)] = value
  else if (container instanceof Map) container.set(key.length % 3 === 0 ? value : key, value)
  else if (container instanceof Set) container.add(value)
  else if (container instanceof Error) container.data = value ?? 'nothing'
  else if (key !== '__proto__') container[key] = value
}
