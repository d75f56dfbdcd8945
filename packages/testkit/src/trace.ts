/**
 * What happened in a simulation: the last few thousand entries to read, and a hash over all of them to compare runs by.
 *
 * Two runs of one seed must be the same run, down to the last message; equal hashes say so. An entry is kept as its parts and
 * only made into a line when somebody reads it.
 */

/** The parts of one entry. */
export interface TraceEntry {
  readonly atMs: number
  /** The host, or what else it happened to; empty for the world. */
  readonly where: string
  readonly what: string
  readonly detail: string
}

/** Enough for some ten seconds of a busy cluster. */
const ENTRIES_KEPT = 4096

/** What becomes of a trace. */
export interface TraceOptions {
  /** Gets each line at once. */
  readonly print?: ((line: string) => void) | undefined
  /** Without it nothing is kept, printed or counted: for runs by the thousand, of which one that fails is run again. */
  readonly isKept?: boolean
}

export class Trace {
  readonly #now: () => number
  readonly #print: ((line: string) => void) | undefined
  readonly #isKept: boolean
  readonly #ring: TraceEntry[] = []
  #next = 0
  #low = 0x811c9dc5
  #high = 0x9747b28c

  constructor(now: () => number, { print, isKept = true }: TraceOptions = {}) {
    this.#now = now
    this.#print = print
    this.#isKept = isKept
  }

  /** Whether an entry goes anywhere: what is costly to put into words need not be said otherwise. */
  get isKept(): boolean {
    return this.#isKept
  }

  add(where: string, what: string, detail = ''): void {
    if (!this.#isKept) return
    const entry = { atMs: this.#now(), where, what, detail }
    this.#mix(Math.round(entry.atMs * 1000))
    this.#mixText(where)
    this.#mixText(what)
    this.#mixText(detail)
    this.#ring[this.#next % ENTRIES_KEPT] = entry
    this.#next += 1
    this.#print?.(lineOf(entry))
  }

  /** How many entries there were. */
  get size(): number {
    return this.#next
  }

  /** Equal for equal runs. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low)
  }

  /** The last entries as lines, oldest first. */
  lines(count: number = ENTRIES_KEPT): string[] {
    const size = Math.min(this.#next, ENTRIES_KEPT, count)
    return Array.from({ length: size }, (_, i) => {
      return lineOf(this.#ring[(this.#next - size + i) % ENTRIES_KEPT] as TraceEntry)
    })
  }

  #mixText(text: string): void {
    for (let i = 0; i < text.length; i += 1) this.#mix(text.charCodeAt(i))
    this.#mix(0x1f)
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ (value | 0), 0x01000193)
    this.#high = Math.imul(this.#high ^ this.#low, 0x85ebca6b) ^ (this.#high >>> 13)
  }
}

function lineOf({ atMs, where, what, detail }: TraceEntry): string {
  return `${atMs.toFixed(3).padStart(12)} ${where.padEnd(8)} ${what}${detail === '' ? '' : ` ${detail}`}`
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
