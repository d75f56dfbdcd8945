// Messages on a socket as the design recommends: one msgpack array of all messages of a tick, behind
// its length in four bytes. Packing each message by itself costs more than half of the throughput.

import { Packr, Unpackr } from 'msgpackr'

/** Call id, entity, operation, argument. */
export type Request = [callId: number, entity: string, operation: string, by: number]
export type Reply = [callId: number, value: number]

const lengthBytes = 4
const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false })

export function encodeBatch(messages: readonly unknown[]): Buffer {
  const body = packr.pack(messages)
  const frame = Buffer.allocUnsafe(lengthBytes + body.length)
  frame.writeUInt32LE(body.length, 0)
  frame.set(body, lengthBytes)
  return frame
}

/** Makes batches of what a socket delivers, however it was cut into chunks. */
export class BatchReader<Message> {
  readonly #onBatch: (messages: Message[]) => void
  #rest: Buffer | undefined

  constructor(onBatch: (messages: Message[]) => void) {
    this.#onBatch = onBatch
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= lengthBytes) {
      const bodyAt = at + lengthBytes
      const endAt = bodyAt + bytes.readUInt32LE(at)
      if (endAt > bytes.length) break
      this.#onBatch(unpackr.unpack(bytes.subarray(bodyAt, endAt)) as Message[])
      at = endAt
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
  }
}
