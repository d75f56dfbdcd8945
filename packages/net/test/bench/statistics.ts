/** Medians and how they are printed. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** `1,234 (1,000–1,500)`. */
export function medianWithSpread(values: readonly number[]): string {
  const whole = (value: number): string => Math.round(value).toLocaleString('en')
  return `${whole(median(values))} (${whole(Math.min(...values))}–${whole(Math.max(...values))})`
}
