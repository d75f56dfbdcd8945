/** The codecs of a node: values with the node's own refs, one for messages between nodes and one for saved state. */
import { EpicError, type ErrorCode } from '@epicserver/contracts'
import { nodeUtf8 } from '@epicserver/net'
import { createCodec, type Codec, type Reader, type RefCodec, type Writer } from '@epicserver/wire'
import { entityOf, isRef, type RefTable } from '../model/ref.ts'

export class NodeCodec {
  readonly messages: Codec
  readonly state: Codec
  /** For records: written and taken at once, never kept. */
  readonly stateWriter: Writer
  readonly #stateReader: Reader

  constructor(refs: RefTable) {
    const refCodec = refCodecOf(refs)
    this.messages = createCodec({ purpose: 'message', refs: refCodec, utf8: nodeUtf8 })
    this.state = createCodec({ purpose: 'state', refs: refCodec, utf8: nodeUtf8 })
    this.stateWriter = this.state.createWriter()
    this.#stateReader = this.state.createReader()
  }

  /** A reader at the beginning of a record; good until the next one is asked for. */
  readState(bytes: Uint8Array): Reader {
    this.#stateReader.reset(bytes)
    return this.#stateReader
  }

  /** @throws EpicError of the given code when the bytes do not decode. */
  decodeState(bytes: Uint8Array, code: ErrorCode, what: string): unknown {
    const result = this.state.decode(bytes)
    if (!result.ok)
      throw new EpicError(code, `Cannot read ${what}: ${result.problem} at byte ${result.offset}`)
    return result.value
  }
}

function refCodecOf(refs: RefTable): RefCodec {
  return {
    isRef: (value) => (isRef(value) ? entityOf(value) : undefined),
    createRef: (type, id) => refs.get(type, id),
  }
}
