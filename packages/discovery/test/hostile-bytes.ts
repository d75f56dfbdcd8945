/** Bytes that nobody would send who means well, the same for the same seed. */

/** Numbers below 2³², as xorshift makes them. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

/** A packet with some bytes changed, cut off, or of pure noise. */
export function spoil(packet: Uint8Array, next: () => number): Uint8Array {
  const kind = next() % 3
  if (kind === 0) return Uint8Array.from({ length: next() % 300 }, () => next() & 0xff)
  if (kind === 1) return packet.slice(0, next() % packet.length)
  const spoiled = packet.slice()
  for (let times = 1 + (next() % 4); times > 0; times -= 1)
    spoiled[next() % spoiled.length] = next() & 0xff
  return spoiled
}
