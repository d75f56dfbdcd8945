/** A class of refs as a runtime would have one: a type, an id, and a prototype of its own. */
import type { RefCodec } from '#src/ref-codec.ts'

export class SampleRef {
  readonly #type: string
  readonly #id: string

  constructor(type: string, id: string) {
    this.#type = type
    this.#id = id
  }

  static parts(value: object): { type: string; id: string } | undefined {
    return #type in value ? { type: value.#type, id: value.#id } : undefined
  }
}

/** Makes refs to anything but `Nobody`. */
export const sampleRefs: RefCodec = {
  isRef: (value) => SampleRef.parts(value),
  createRef: (type, id) => (type === 'Nobody' ? undefined : new SampleRef(type, id)),
}
