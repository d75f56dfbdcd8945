/**
 * Bytes as they are, each message with its size before it.
 *
 * What arrives is a view of what was received: nothing is copied. Who keeps a message for long copies it, so that a few bytes
 * do not hold a whole batch in memory.
 */
import { EpicError } from '@epicserver/contracts'
import { Reader } from '@epicserver/wire'
import type { Writer } from '@epicserver/wire'
import type { Protocol } from '../protocol.ts'

/** Bytes as they are. */
export const rawProtocol: Protocol<Uint8Array> = { name: 'raw', encode, decode }

const reader = new Reader()

function encode(message: Uint8Array, batch: Writer): void {
  if (!(message instanceof Uint8Array)) {
    throw new EpicError('CannotCross', 'Cannot send a raw message: it is no Uint8Array')
  }
  batch.varuint(message.byteLength)
  batch.raw(message)
}

function decode(batch: Uint8Array, into: Uint8Array[]): string | undefined {
  reader.reset(batch)
  while (reader.at < reader.end) {
    const size = reader.varuint()
    if (!reader.has(size)) break
    into.push(batch.subarray(reader.at, reader.at + size))
    reader.at += size
  }
  return reader.failed ? `${reader.problem}, at byte ${reader.problemAt}` : undefined
}
