/**
 * JSON, for whoever has no better: each message as JSON text, and a comma after it.
 *
 * `JSON.parse` has no limits of its own: a megabyte of brackets becomes a hundred times as much, nested so deep that printing
 * it overflows the stack. So the bytes are scanned before they are parsed. A key `__proto__` arrives as a property of its own,
 * which is harmless until someone merges it into another object.
 */
import { EpicError } from '@epicserver/contracts'
import { MESSAGE_LIMITS } from '@epicserver/wire'
import type { Writer } from '@epicserver/wire'
import type { Protocol } from '../protocol.ts'

/** What `JSON.stringify` keeps of a message. */
export const jsonProtocol: Protocol = { name: 'json', encode, decode }

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** The most bytes that one UTF-16 unit takes in UTF-8. */
const UTF8_BYTES_PER_UNIT = 3

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function encode(message: unknown, batch: Writer): void {
  const text = stringify(message)
  batch.reserve(text.length * UTF8_BYTES_PER_UNIT + 1)
  const { written } = encoder.encodeInto(text, batch.buffer.subarray(batch.length))
  batch.length += written
  batch.u8(COMMA)
}

function stringify(message: unknown): string {
  let text: string | undefined
  try {
    // The types promise a string; for undefined, functions and symbols there is none.
    text = JSON.stringify(message) as string | undefined
  } catch (cause) {
    throw new EpicError('CannotCross', `Cannot send a message as JSON: ${String(cause)}`, { cause })
  }
  if (text === undefined) {
    throw new EpicError('CannotCross', `Cannot send a message as JSON: it is ${typeof message}`)
  }
  return text
}

function decode(batch: Uint8Array, into: unknown[]): string | undefined {
  if (batch.length === 0) return undefined
  if (batch[batch.length - 1] !== COMMA) return 'the JSON ends too early'
  const problem = scan(batch)
  if (problem !== undefined) return problem
  try {
    const text = decoder.decode(batch.subarray(0, -1))
    for (const message of JSON.parse(`[${text}]`) as unknown[]) into.push(message)
  } catch (error) {
    return error instanceof SyntaxError ? 'the JSON does not parse' : 'the JSON is not UTF-8'
  }
  return undefined
}

/** Counts how deep it nests and how much it holds, without believing that it is well-formed. */
function scan(bytes: Uint8Array): string | undefined {
  let depth = 0
  let elements = 0
  let isInString = false
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]
    if (isInString) {
      if (byte === BACKSLASH) i += 1
      else if (byte === QUOTE) isInString = false
    } else if (byte === QUOTE) isInString = true
    else if (byte === COMMA) elements += 1
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      depth += 1
      elements += 1
      if (depth > MESSAGE_LIMITS.depthMax)
        return `the JSON nests deeper than ${MESSAGE_LIMITS.depthMax}`
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth -= 1
  }
  if (elements > MESSAGE_LIMITS.elementsMax)
    return `the JSON holds over ${MESSAGE_LIMITS.elementsMax} elements`
  return undefined
}
