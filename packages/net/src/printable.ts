/**
 * Text from outside, made fit for a log line: no line breaks that forge a line, no escape codes that move a
 * terminal's cursor, and no more of it than a person reads.
 */

/** Enough for any honest reason; a stranger's essay is cut. */
const PRINTABLE_UNITS_MAX = 200

// Control characters, the line breaks of Unicode, and the marks that turn the direction of text.
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex -- the point is to find control characters
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** `text` with everything that is no plain text shown as `·`, and cut where it gets long. */
export function printable(text: string): string {
  const cut = text.length > PRINTABLE_UNITS_MAX ? `${text.slice(0, PRINTABLE_UNITS_MAX)}…` : text
  return cut.replaceAll(UNPRINTABLE, '·')
}
