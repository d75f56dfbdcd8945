/**
 * Syscalls: what code asks of the outside as data, and the tokens through which the outcome comes back.
 *
 * A request completes as a whole: a read returns what it asked for, a write is on disk or was not done. The convenient face of this
 * layer is `this.files` and `this.sleep`; the layer itself is public for code that has many requests under way and wants them
 * in the order of their completion, as from an operating system's completion port.
 */

/** A request to the outside. */
export type Syscall =
  | { readonly kind: 'sleep'; readonly ms: number }
  | {
      readonly kind: 'file.read'
      readonly path: string
      readonly offset?: number
      readonly length?: number
    }
  /** Replaces the whole file, or writes at `offset` into it. */
  | {
      readonly kind: 'file.write'
      readonly path: string
      readonly data: Uint8Array
      readonly offset?: number
    }
  | { readonly kind: 'file.append'; readonly path: string; readonly data: Uint8Array }
  | { readonly kind: 'file.stat'; readonly path: string }
  | { readonly kind: 'file.list'; readonly path: string }
  | { readonly kind: 'file.remove'; readonly path: string }

/** What is known of a file. */
export interface FileStat {
  readonly kind: 'file' | 'folder'
  readonly bytes: number
  readonly modifiedMs: number
}

/** What a syscall results in. */
export interface SyscallResults {
  readonly sleep: undefined
  readonly 'file.read': Uint8Array
  readonly 'file.write': undefined
  readonly 'file.append': undefined
  readonly 'file.stat': FileStat
  readonly 'file.list': readonly string[]
  readonly 'file.remove': undefined
}

/** What a syscall completes with. */
export type ResultOf<S extends Syscall> = SyscallResults[S['kind']]

/** One request under way. The driver completes it, once. */
export class Token<S extends Syscall = Syscall> {
  readonly syscall: S
  readonly promise: Promise<ResultOf<S>>
  #resolve!: (result: ResultOf<S>) => void
  #reject!: (error: unknown) => void
  #isDone = false

  constructor(syscall: S) {
    this.syscall = syscall
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get isDone(): boolean {
    return this.#isDone
  }

  complete(result: ResultOf<S>): void {
    this.#isDone = true
    this.#resolve(result)
  }

  fail(error: unknown): void {
    this.#isDone = true
    this.#reject(error)
  }
}

/** Performs syscalls. */
export type Submit = <S extends Syscall>(syscall: S) => Token<S>

/** A finished request, as a completion port hands it out. */
export type Completion<K> =
  | { readonly key: K; readonly ok: true; readonly result: unknown }
  | { readonly key: K; readonly ok: false; readonly error: unknown }

/**
 * Gathers requests and hands them out in the order in which they complete.
 * @example
 * const port = this.completionPort<string>()
 * for (const name of names) port.submit({ kind: 'file.read', path: name }, name)
 * for await (const { key, ok } of port) console.log(key, ok)
 */
export class CompletionPort<K> implements AsyncIterable<Completion<K>> {
  readonly #submit: Submit
  readonly #done: Completion<K>[] = []
  #underWay = 0
  #wake: (() => void) | undefined

  constructor(submit: Submit) {
    this.#submit = submit
  }

  /** How many requests have not completed. */
  get size(): number {
    return this.#underWay
  }

  submit(syscall: Syscall, key: K): void {
    this.#underWay += 1
    this.#submit(syscall).promise.then(
      (result) => this.#finish({ key, ok: true, result }),
      (error: unknown) => this.#finish({ key, ok: false, error }),
    )
  }

  /** The next completion, or `undefined` when nothing is under way. */
  async next(): Promise<Completion<K> | undefined> {
    while (this.#done.length === 0) {
      if (this.#underWay === 0) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#done.shift()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Completion<K>, void> {
    for (
      let completion = await this.next();
      completion !== undefined;
      completion = await this.next()
    )
      yield completion
  }

  #finish(completion: Completion<K>): void {
    this.#underWay -= 1
    this.#done.push(completion)
    this.#wake?.()
    this.#wake = undefined
  }
}
