/**
 * The order of keys: that of their UTF-8 bytes, which is the order of code points.
 *
 * JavaScript's `<` compares UTF-16 units, where a pair of surrogates (U+10000 and above) sorts before U+E000–U+FFFF. Only there
 * do the two differ, so only a surrogate that meets a unit above it needs a second look.
 */

/** Below zero when `a` comes before `b`. Both must be well formed. */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i += 1) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** Where in the array, sorted by {@link compareKeys}, `key` stands or would be inserted. */
export function placeOf(key: string, sorted: readonly string[]): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys(sorted[middle] ?? '', key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** A unit's place among code points: surrogates belong above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
