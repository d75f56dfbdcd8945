/** The typed arrays that values may hold besides Uint8Array, which is MessagePack's binary. */

/** Makes a typed array over a whole buffer. */
type TypedArrayMaker = new (buffer: ArrayBuffer) => ArrayBufferView

/** The index of a class is its number in the format: add at the end, never reorder. */
export const TYPED_ARRAYS: readonly {
  readonly name: string
  readonly size: number
  readonly make: TypedArrayMaker
}[] = [
  { name: 'Int8Array', size: 1, make: Int8Array },
  { name: 'Uint8ClampedArray', size: 1, make: Uint8ClampedArray },
  { name: 'Int16Array', size: 2, make: Int16Array },
  { name: 'Uint16Array', size: 2, make: Uint16Array },
  { name: 'Int32Array', size: 4, make: Int32Array },
  { name: 'Uint32Array', size: 4, make: Uint32Array },
  { name: 'Float32Array', size: 4, make: Float32Array },
  { name: 'Float64Array', size: 8, make: Float64Array },
  { name: 'BigInt64Array', size: 8, make: BigInt64Array },
  { name: 'BigUint64Array', size: 8, make: BigUint64Array },
]

/** Looked at once: writers and readers are made often. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * Their elements and floats are copied as the machine holds them, and the format says
 * little-endian.
 * @throws Error where it does not hold them so; no platform of Node's first two tiers but s390x.
 */
export function requireLittleEndian(): void {
  if (IS_LITTLE_ENDIAN) return
  throw new Error('The value format needs a little-endian machine')
}
