/**
 * The value codec: what messages between processes, saved state and, later, browsers are written
 * in.
 *
 * MessagePack with extension types (format.ts lists them). It carries undefined, null, booleans,
 * numbers and BigInts exactly, strings (lone surrogates too), dates, byte buffers and typed arrays,
 * arrays (holes too), plain objects, Maps, Sets, errors by name, message, code and data, and refs;
 * objects that occur twice, or in themselves, are one object again on the other side. Functions,
 * symbols, regular expressions, DataViews and instances of other classes are refused with the path
 * of the field.
 *
 * One codec serves one purpose; it keeps a scratch buffer and a reader, and is used again and
 * again. It is not a stream: for that, {@link Codec.createWriter} and {@link Codec.createReader}
 * give the layer below, with the same limits and refs.
 */
import { EpicError } from '@epicserver/contracts'
import { MESSAGE_LIMITS, STATE_LIMITS } from './limits.ts'
import type { CodecLimits } from './limits.ts'
import { Reader } from './reader.ts'
import type { RefCodec } from './ref-codec.ts'
import type { Utf8 } from './utf8.ts'
import type { EncodeProblem } from './value-encoder.ts'
import { Writer } from './writer.ts'

/** What values are encoded for: it decides the default limits and the errors' codes. */
export type Purpose = 'message' | 'state'

/** What may be given to {@link createCodec}. */
export interface CodecOptions {
  /** `message` where none is given. */
  readonly purpose?: Purpose | undefined
  /** Without it, refs are instances like others: refused. */
  readonly refs?: RefCodec | undefined
  /** Overrides single limits of the purpose. */
  readonly limits?: Partial<CodecLimits> | undefined
  /** Native text conversion, where the platform has one. */
  readonly utf8?: Utf8 | undefined
}

/** What came of decoding. `offset` is that of the byte where the first problem was noticed. */
export type DecodeResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string; readonly offset: number }

/** Turns values into bytes and back. */
export interface Codec {
  /**
   * The value as bytes of its own.
   * @throws EpicError `CannotCross`, `MessageTooLarge`, `CannotSave` or `StateTooLarge`, by
   * purpose; `details` has the `path`.
   */
  encode(value: unknown): Uint8Array<ArrayBuffer>
  /**
   * The value that fills these bytes from `start` to `end`. Never throws for what the bytes say.
   */
  decode(bytes: Uint8Array, start?: number, end?: number): DecodeResult
  createWriter(): Writer
  createReader(): Reader
}

/**
 * Makes a codec.
 * @example
 * const codec = createCodec({ purpose: 'state' })
 * const bytes = codec.encode({ score: 7, seen: new Set(['bob']) })
 * const result = codec.decode(bytes)
 * if (result.ok) console.log(result.value)
 */
export function createCodec(options: CodecOptions = {}): Codec {
  const { purpose = 'message', refs, utf8 } = options
  const limits = { ...(purpose === 'message' ? MESSAGE_LIMITS : STATE_LIMITS), ...options.limits }
  const parts = { refs, utf8, limits }
  const writer = new Writer(parts)
  const reader = new Reader(parts)

  function encode(value: unknown): Uint8Array<ArrayBuffer> {
    // A getter of the value may encode something itself.
    const scratch = writer.isWriting ? new Writer(parts) : writer
    scratch.reset()
    const problem = scratch.value(value)
    if (problem !== undefined) throw errorFromProblem(problem, purpose)
    return scratch.take()
  }

  function decode(bytes: Uint8Array, start = 0, end: number = bytes.length): DecodeResult {
    reader.reset(bytes, start, end)
    const value = reader.value()
    if (reader.at < reader.end) reader.fail('bytes are left over')
    const { failed, problem, problemAt } = reader
    reader.reset()
    return failed ? { ok: false, problem, offset: problemAt } : { ok: true, value }
  }

  return {
    encode,
    decode,
    createWriter: () => new Writer(parts),
    createReader: () => new Reader(parts),
  }
}

/**
 * The error for a value that cannot be encoded. `attempt` says what was tried: `Cannot call
 * "Player/bob" move`.
 */
export function errorFromProblem(
  problem: EncodeProblem,
  purpose: Purpose,
  attempt: string = purpose === 'message' ? 'Cannot send a message' : 'Cannot save',
): EpicError {
  const { path, found } = problem
  const details = { path, found }
  if (problem.isTooLarge) {
    return new EpicError(
      purpose === 'message' ? 'MessageTooLarge' : 'StateTooLarge',
      `${attempt}: it has ${found}`,
      { details },
    )
  }
  const code = purpose === 'message' ? 'CannotCross' : 'CannotSave'
  return new EpicError(code, `${attempt}: ${path === '' ? 'the value' : path} is ${found}`, {
    details,
  })
}
