/** The value format of `@epicserver/wire`: MessagePack, with what JavaScript has beyond it (Map, Set, Date, BigInt, cycles). */
import { Reader, errorFromProblem } from '@epicserver/wire'
import type { Writer } from '@epicserver/wire'
import { nodeUtf8 } from '../node-utf8.ts'
import type { Protocol } from '../protocol.ts'

/** Any plain data. Its limits are those of messages: depth 64, 100,000 elements. */
export const msgpackProtocol: Protocol = {
  name: 'msgpack',
  parts: { utf8: nodeUtf8 },
  encode,
  decode,
}

const reader = new Reader({ utf8: nodeUtf8 })

function encode(message: unknown, batch: Writer): void {
  const problem = batch.value(message)
  if (problem !== undefined) throw errorFromProblem(problem, 'message')
}

function decode(batch: Uint8Array, into: unknown[]): string | undefined {
  reader.reset(batch)
  while (reader.at < reader.end) {
    const message = reader.value()
    if (reader.failed) return `${reader.problem}, at byte ${reader.problemAt}`
    into.push(message)
  }
  return undefined
}
