/** What everything is compared with: arrays of msgpack behind their length over a unix socket, one write a tick. */
import type { Socket } from 'node:net'
import { Packr } from 'msgpackr'

const LENGTH_BYTES = 4

/** The bare loop: no lanes, no limits, no checks. */
export function bareLoop(
  socket: Socket,
  handle: (message: unknown[], send: (message: unknown[]) => void) => void,
): (message: unknown[]) => void {
  const packr = new Packr({ useRecords: false })
  let batch: unknown[][] = []
  let rest: Buffer | undefined
  const flush = (): void => {
    const body = packr.pack(batch)
    batch = []
    const frame = Buffer.allocUnsafe(LENGTH_BYTES + body.length)
    frame.writeUInt32LE(body.length, 0)
    frame.set(body, LENGTH_BYTES)
    socket.write(frame)
  }
  const send = (message: unknown[]): void => {
    batch.push(message)
    if (batch.length === 1) setImmediate(flush)
  }
  socket.on('data', (data: Buffer) => {
    const chunk = rest === undefined ? data : Buffer.concat([rest, data])
    let at = 0
    while (chunk.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + chunk.readUInt32LE(at)
      if (end > chunk.length) break
      for (const message of packr.unpack(chunk.subarray(at + LENGTH_BYTES, end)) as unknown[][])
        handle(message, send)
      at = end
    }
    rest = at < chunk.length ? chunk.subarray(at) : undefined
  })
  return send
}
