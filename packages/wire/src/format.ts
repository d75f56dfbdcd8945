/**
 * The bytes of the value format: MessagePack, with extension types of our own for what it cannot
 * say.
 *
 * | extension | payload |
 * | --- | --- |
 * | -1 | MessagePack's own timestamp: a valid Date |
 * | 0 | one byte, see {@link ATOM_UNDEFINED} and its neighbours |
 * | 1 | a string with a lone surrogate: its UTF-16 units, little-endian |
 * | 2 | a BigInt beyond 64 bits: a sign byte (0 or 1), then the magnitude, big-endian |
 * | 3 | an ArrayBuffer: its bytes |
 * | 4 | a typed array: one byte for its kind (its place in TYPED_ARRAYS), then its elements |
 * | 5 | a Map: a MessagePack map with keys of any kind |
 * | 6 | a Set: a MessagePack array |
 * | 7 | an Error: name, message, retry (empty unless it is an EpicError), code, data or details |
 * | 8 | a Ref: type, id |
 * | 9 | a value that occurs again: the value. The n-th of these has number n, from 0 |
 * | 10 | such an occurrence: the number, seven bits a byte, lowest first |
 *
 * Extensions of our own are little-endian inside, except BigInts. Integers beyond 32 bits are
 * floats; MessagePack's 64-bit integers are BigInts. A Uint8Array is MessagePack's binary. This is
 * a format on disk: numbers are added, never changed.
 */
export const NIL = 0xc0
export const FALSE = 0xc2
export const TRUE = 0xc3
export const BIN8 = 0xc4
export const BIN16 = 0xc5
export const BIN32 = 0xc6
export const EXT8 = 0xc7
export const EXT32 = 0xc9
export const FLOAT32 = 0xca
export const FLOAT64 = 0xcb
export const UINT8 = 0xcc
export const UINT16 = 0xcd
export const UINT32 = 0xce
export const UINT64 = 0xcf
export const INT8 = 0xd0
export const INT16 = 0xd1
export const INT32 = 0xd2
export const INT64 = 0xd3
export const FIXEXT1 = 0xd4
export const FIXEXT4 = 0xd6
export const FIXEXT8 = 0xd7
export const FIXEXT16 = 0xd8
export const STR8 = 0xd9
export const STR16 = 0xda
export const STR32 = 0xdb
export const ARRAY16 = 0xdc
export const ARRAY32 = 0xdd
export const MAP16 = 0xde
export const MAP32 = 0xdf

export const EXT_TIMESTAMP = 0xff
export const EXT_ATOM = 0
export const EXT_UTF16 = 1
export const EXT_BIGINT = 2
export const EXT_ARRAY_BUFFER = 3
export const EXT_TYPED_ARRAY = 4
export const EXT_MAP = 5
export const EXT_SET = 6
export const EXT_ERROR = 7
export const EXT_REF = 8
export const EXT_SHARED = 9
export const EXT_AGAIN = 10

export const ATOM_UNDEFINED = 0
export const ATOM_INVALID_DATE = 1
/** A hole of a sparse array; it occurs nowhere else. */
export const ATOM_HOLE = 2
