/**
 * The bytes of a frame: a length (u32, little-endian, of what follows), a head, a body.
 *
 * | head | body |
 * | --- | --- |
 * | 0x00 + lane (+ 0x08) | a batch; with 0x08 a piece of one, and the next frame of this lane goes on with it |
 * | 0x10 | a handshake's own message |
 * | 0x20 | hello, see hello.ts |
 * | 0x30 | refusal: the reason, in UTF-8 |
 * | 0x40, 0x50 | ping, pong: u32 id |
 * | 0x60 + lane | credit: u32 cost that was processed |
 * | 0x70 | close: the reason, in UTF-8 |
 *
 * Handshake, hello and refusal come before there is a channel; all others only after it.
 */
import { Buffer } from 'node:buffer'
import type { RawKind, Signal } from './carrier.ts'
import { RELIABLE_LANES } from './lane.ts'
import { REASON_UNITS_MAX } from './limits.ts'

/** Length and head. */
export const HEADER_BYTES = 5
export const LENGTH_BYTES = 4
export const HEAD_BYTES = 1

export const KIND_MASK = 0xf0
export const LANE_MASK = 0x07
export const MORE = 0x08

export const HEAD_BATCH = 0x00
const HEAD_HANDSHAKE = 0x10
const HEAD_HELLO = 0x20
const HEAD_REFUSE = 0x30
const HEAD_PING = 0x40
const HEAD_PONG = 0x50
const HEAD_CREDIT = 0x60
const HEAD_CLOSE = 0x70

const RAW_HEADS: Readonly<Record<RawKind, number>> = {
  handshake: HEAD_HANDSHAKE,
  hello: HEAD_HELLO,
  refuse: HEAD_REFUSE,
}

/** UTF-8 takes at most three bytes for one UTF-16 unit. */
const REASON_BYTES_MAX = REASON_UNITS_MAX * 3

/** A frame around this body. */
export function makeFrame(head: number, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length)
  frame.writeUInt32LE(HEAD_BYTES + body.length, 0)
  frame[LENGTH_BYTES] = head
  frame.set(body, HEADER_BYTES)
  return frame
}

export function headOfRaw(kind: RawKind): number {
  return RAW_HEADS[kind]
}

/** What is said before there is a channel, or `undefined` for every other head. */
export function rawKindOf(head: number): RawKind | undefined {
  if (head === HEAD_HANDSHAKE) return 'handshake'
  if (head === HEAD_HELLO) return 'hello'
  return head === HEAD_REFUSE ? 'refuse' : undefined
}

export function encodeSignal(signal: Signal): Buffer {
  switch (signal.kind) {
    case 'ping':
      return makeFrame(HEAD_PING, u32(signal.id))
    case 'pong':
      return makeFrame(HEAD_PONG, u32(signal.id))
    case 'credit':
      return makeFrame(HEAD_CREDIT | signal.lane, u32(signal.cost))
    case 'close':
      return makeFrame(HEAD_CLOSE, encodeReason(signal.reason))
  }
}

/** The signal in a frame, or `undefined` when it holds none. */
export function decodeSignal(head: number, body: Uint8Array): Signal | undefined {
  if (head === HEAD_CLOSE) {
    return body.length > REASON_BYTES_MAX
      ? undefined
      : { kind: 'close', reason: decodeReason(body) }
  }
  if (body.length !== 4) return undefined
  const number = Buffer.from(body.buffer, body.byteOffset, 4).readUInt32LE(0)
  if (head === HEAD_PING) return { kind: 'ping', id: number }
  if (head === HEAD_PONG) return { kind: 'pong', id: number }
  const lane = head & ~KIND_MASK
  if ((head & KIND_MASK) !== HEAD_CREDIT || lane >= RELIABLE_LANES) return undefined
  return { kind: 'credit', lane, cost: number }
}

/** A reason as it crosses: cut to what a person reads. */
export function encodeReason(reason: string): Buffer {
  return Buffer.from(reason.slice(0, REASON_UNITS_MAX), 'utf8')
}

export function decodeReason(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8')
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value, 0)
  return bytes
}
