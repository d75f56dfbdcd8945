/**
 * Limits of the value codec and of frames, each with its reason. A sender refuses what a receiver
 * would refuse, so that the error names the field and not a byte offset on another machine.
 */
import { MESSAGE_BYTES_MAX, STATE_BYTES_MAX } from '@epicserver/contracts'

/** What one value may cost; given to a codec for a purpose of its own. */
export interface CodecLimits {
  /** Containers inside containers. Both sides recurse, so this bounds the stack. */
  readonly depthMax: number
  /** Items of arrays and sets, fields of objects and entries of maps, in the whole value. */
  readonly elementsMax: number
  /** The encoded size of the whole value. */
  readonly bytesMax: number
  /** The magnitude of one BigInt. */
  readonly bigintBytesMax: number
}

/**
 * For messages, whose bytes a stranger may have written. 64 levels are more than data that people
 * write has, and take up to 47 KB of stack. 100,000 elements of one byte each (empty objects)
 * become some 6 MB, the most that a message may blow up to from 100 KB. A BigInt of 64 KB takes
 * milliseconds to print or multiply; nobody sends a larger one for good.
 */
export const MESSAGE_LIMITS: CodecLimits = {
  depthMax: 64,
  elementsMax: 100_000,
  bytesMax: MESSAGE_BYTES_MAX,
  bigintBytesMax: 64 * 1024,
}

/**
 * For saved state, whose bytes this cluster wrote itself. Linked structures nest deeper than
 * arguments do (512 levels take up to 370 KB of the 984 KB of stack that Node has), and a record at
 * its largest, 16 MB of one-byte items, must load again.
 */
export const STATE_LIMITS: CodecLimits = {
  depthMax: 512,
  elementsMax: STATE_BYTES_MAX,
  bytesMax: STATE_BYTES_MAX,
  bigintBytesMax: 1024 * 1024,
}

/**
 * One frame holds a batch of messages. A batch is closed once it holds 1 MB, so the largest is one
 * short of that with a message of full size behind it.
 */
export const FRAME_BYTES_MAX: number = MESSAGE_BYTES_MAX + 1024 * 1024

/**
 * Texts shorter than this are copied by a loop, others by the injected {@link Utf8}: a call into
 * Node's native code costs as much as 30 units by the loop. Also the first length that
 * MessagePack's one-byte header cannot say, which the loop relies on.
 */
export const SHORT_TEXT_UNITS = 32

/** The same for reading, where building a string by hand costs more. */
export const SHORT_TEXT_BYTES = 16

/**
 * A scratch buffer larger than this is given back after use: one large message must not hold memory
 * for ever.
 */
export const SCRATCH_BYTES_KEPT: number = 1024 * 1024
