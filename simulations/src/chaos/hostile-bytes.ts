/**
 * Connections that say nothing which a node could want to hear: frames of noise, cut off, too long, empty, of every kind there is with
 * something else in them, and beginnings of a conversation that is none.
 *
 * A frame is a length (four bytes, little-endian), a head and a body (`packages/net/src/frame-format.ts`); who connects cannot know more,
 * since the rest takes the cluster key.
 */
import { createConnection, type NetConnectOpts } from 'node:net'
import type { SeededRandom } from '@epicserver/testkit'

/** What was sent. */
export interface Sent {
  frames: number
  connections: number
}

const STRANGERS = 16
const FRAMES_PER_CONNECTION_MAX = 64
const NOISE = 64 * 1024
const BODY_BYTES_MAX = 400
/** Heads that mean something: batches on each lane, pieces of one, handshake, hello, refusal, pings, credit, close. */
const HEADS = [0x00, 0x03, 0x09, 0x10, 0x20, 0x30, 0x40, 0x50, 0x61, 0x70]
const HELLO_MAGIC = Buffer.from('epic')

export class HostileBytes {
  readonly #random: SeededRandom
  readonly #noise: Buffer

  constructor(random: SeededRandom) {
    this.#random = random
    this.#noise = Buffer.alloc(NOISE)
    for (let i = 0; i < NOISE; i += 1) this.#noise[i] = random.whole(0, 255)
  }

  /** Says so many frames on one connection, and waits until that has ended. */
  async speak(to: NetConnectOpts, frames: number): Promise<void> {
    const socket = createConnection(to)
    const ended = new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
    })
    // A refusal, or a connection that ends under the frames, is what is expected.
    socket.on('error', () => socket.destroy())
    socket.resume()
    socket.end(Buffer.concat(Array.from({ length: frames }, () => this.#frame())))
    await ended
  }

  #frame(): Buffer {
    const kind = this.#random.whole(0, 6)
    const body = this.#bytes(this.#random.whole(0, BODY_BYTES_MAX))
    if (kind === 0) return body
    if (kind === 1) return framed(body.length, body)
    if (kind === 2) return framed(body.length + this.#random.whole(1, 10_000), body)
    if (kind === 3) return framed(this.#random.whole(0x0400_0000, 0xffff_ffff), body)
    if (kind === 4) return framed(0, Buffer.alloc(0))
    const head = Buffer.from([this.#random.pick(HEADS)])
    if (kind === 5) return framed(1 + body.length, head, body)
    return framed(1 + HELLO_MAGIC.length + body.length, Buffer.from([0x20]), HELLO_MAGIC, body)
  }

  #bytes(length: number): Buffer {
    const at = this.#random.whole(0, NOISE - length)
    return this.#noise.subarray(at, at + length)
  }
}

/** So many frames to addresses chosen at random, on several connections at a time. */
// tidy: four short arguments read better here than an object with four names
export async function sayAll(
  bytes: HostileBytes,
  random: SeededRandom,
  addresses: readonly NetConnectOpts[],
  framesWanted: number,
  onProgress: (sent: Sent) => void = () => undefined,
): Promise<Sent> {
  const sent = { frames: 0, connections: 0 }
  const say = async (): Promise<void> => {
    while (sent.frames < framesWanted) {
      const frames = random.whole(1, FRAMES_PER_CONNECTION_MAX)
      sent.frames += frames
      sent.connections += 1
      onProgress(sent)
      await bytes.speak(random.pick(addresses), frames)
    }
  }
  await Promise.all(Array.from({ length: STRANGERS }, say))
  return sent
}

function framed(length: number, ...parts: readonly Buffer[]): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32LE(length)
  return Buffer.concat([prefix, ...parts])
}
