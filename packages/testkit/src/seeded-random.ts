/** Randomness that is a function of its seed: xoshiro128**, seeded by splitmix32. */

export class SeededRandom {
  readonly #state = new Uint32Array(4)

  constructor(seed: number) {
    let x = seed >>> 0
    for (let i = 0; i < 4; i += 1) {
      x = (x + 0x9e3779b9) >>> 0
      let z = x
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      this.#state[i] = z ^ (z >>> 15)
    }
  }

  /** From 0 (included) to 1 (excluded). */
  readonly next = (): number => {
    const s = this.#state
    const [s0, s1, s2, s3] = s as unknown as [number, number, number, number]
    const result = Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0
    s[2] = s2 ^ s0
    s[3] = s3 ^ s1
    s[1] = s1 ^ (s[2] as number)
    s[0] = s0 ^ (s[3] as number)
    s[2] = (s[2] as number) ^ (s1 << 9)
    s[3] = rotate(s[3] as number, 11)
    return result / 0x1_0000_0000
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('Nothing to pick from')
    return items[Math.floor(this.next() * items.length)] as T
  }

  /** Another source that does not disturb this one. */
  fork(): SeededRandom {
    return new SeededRandom(Math.floor(this.next() * 0x1_0000_0000))
  }
}

function rotate(x: number, bits: number): number {
  return ((x << bits) | (x >>> (32 - bits))) >>> 0
}
