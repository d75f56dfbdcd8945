/**
 * Arrays as PostgreSQL reads them, in text.
 *
 * The driver sends every parameter as text and knows no arrays unless it asks each database for their types first. What is put into
 * them here is hexadecimal, a number, or a name that holds neither quote nor backslash (type names are checked by the port).
 */

/** `bytea[]`: quoted, since its elements hold a backslash. */
export function byteaArray(elements: readonly (Uint8Array | null)[]): string {
  return arrayOf(elements.map((bytes) => (bytes === null ? 'NULL' : `"\\\\x${hexOf(bytes)}"`)))
}

/** `text[]` of names; quoted, since a type may be called `NULL`. */
export function nameArray(names: readonly (string | null)[]): string {
  return arrayOf(names.map((name) => (name === null ? 'NULL' : `"${name}"`)))
}

/** An array of numbers of any kind. */
export function numberArray(numbers: Iterable<number | bigint>): string {
  return arrayOf([...numbers].map(String))
}

/**
 * Several byte strings as one text of no special characters, for an array whose elements are lists: `x61,x,x6263`. The letter tells
 * a list of one empty string from an empty list.
 */
export function hexList(elements: readonly Uint8Array[]): string {
  return elements.map((bytes) => `x${hexOf(bytes)}`).join(',')
}

/** The bytes as hexadecimal digits, without a copy. */
function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

function arrayOf(elements: readonly string[]): string {
  return `{${elements.join(',')}}`
}
