/** The codec of a node: values with the node's own refs, for messages and for state. */
import { EpicError, type ErrorCode } from '@epicserver/contracts'
import { Reader, Writer, type RefCodec } from '@epicserver/wire'
import { entityOf, isRef, type RefTable } from './ref.ts'

export class NodeCodec {
  readonly writer: Writer
  readonly #parts: { readonly refs: RefCodec }
  readonly #values: Writer

  constructor(refs: RefTable) {
    this.#parts = { refs: refCodecOf(refs) }
    this.writer = new Writer(this.#parts)
    this.#values = new Writer(this.#parts)
  }

  newWriter(): Writer {
    return new Writer(this.#parts)
  }

  newReader(): Reader {
    return new Reader(this.#parts)
  }

  reader(bytes: Uint8Array): Reader {
    const reader = new Reader(this.#parts)
    reader.reset(bytes)
    return reader
  }

  /** @throws EpicError of the given code, naming the path of what cannot be encoded. */
  encode(value: unknown, code: ErrorCode): Uint8Array {
    this.#values.reset()
    const problem = this.#values.value(value)
    if (problem !== undefined) throw new EpicError(code, `Cannot encode a value: ${problem.path} is ${problem.found}`, { details: { path: problem.path } })
    return this.#values.take()
  }

  /** @throws EpicError `ProtocolBroken` */
  decode(bytes: Uint8Array): unknown {
    const reader = this.reader(bytes)
    const value = reader.value()
    if (reader.failed) throw new EpicError('ProtocolBroken', 'Cannot decode a value')
    return value
  }
}

function refCodecOf(refs: RefTable): RefCodec {
  return {
    isRef: (value) => (isRef(value) ? entityOf(value) : undefined),
    createRef: (type, id) => refs.get(type, id),
  }
}
