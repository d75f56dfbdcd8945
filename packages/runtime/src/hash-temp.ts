export function hash128(bytes: Uint8Array): number[] {
  let h = 2166136261
  for (const b of bytes) h = Math.imul(h ^ b, 16777619)
  return [h]
}
