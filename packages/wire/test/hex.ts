/** Bytes as tests write them: pairs of hexadecimal digits, spaces where they help. */
import { Buffer } from 'node:buffer'

export function bytesFromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

export function hexFromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
