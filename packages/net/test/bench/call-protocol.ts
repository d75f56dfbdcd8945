/** The kind of protocol that the runtime uses between nodes: frames of calls and replies, written by hand. */
import { Reader } from '@epicserver/wire'
import type { Writer } from '@epicserver/wire'
import { nodeUtf8 } from '@epicserver/net'
import type { Protocol } from '@epicserver/net'

/** A call, or the reply to one. */
export interface CallFrame {
  readonly isReply: boolean
  readonly id: number
  readonly type: string
  readonly entity: string
  readonly operation: string
  readonly value: unknown
}

const CALL = 0
const REPLY = 1

const reader = new Reader({ utf8: nodeUtf8 })

export const callProtocol: Protocol<CallFrame> = {
  name: 'bench-calls',
  parts: { utf8: nodeUtf8 },
  encode(frame: CallFrame, batch: Writer): void {
    batch.u8(frame.isReply ? REPLY : CALL)
    batch.varuint(frame.id)
    if (!frame.isReply) {
      batch.string(frame.type)
      batch.string(frame.entity)
      batch.string(frame.operation)
    }
    batch.value(frame.value)
  },
  decode(batch: Uint8Array, into: CallFrame[]): string | undefined {
    reader.reset(batch)
    while (reader.at < reader.end) {
      const isReply = reader.u8() === REPLY
      const id = reader.varuint()
      const type = isReply ? '' : reader.name()
      const entity = isReply ? '' : reader.string()
      const operation = isReply ? '' : reader.name()
      into.push({ isReply, id, type, entity, operation, value: reader.value() })
    }
    return reader.failed ? reader.problem : undefined
  },
}
