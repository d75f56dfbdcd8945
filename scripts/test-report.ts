// Turns node:test's events into what a person reads: a line a file, each failure with the command
// that replays it, and one closing line of counts.
//
// Only leaves count: a suite that fails because a test in it failed is not a second failure. The
// runner reports a file without any test as one passed test named after the file; that is a failure
// here, because a file that tests nothing is a mistake.

import { relative } from 'node:path'
import { inspect } from 'node:util'
import { sourcePath } from './test-files.ts'

/** The part of node:test's events that the report reads. */
export interface TestEvent {
  readonly type: string
  readonly data: unknown
}

interface Result {
  readonly name: string
  readonly nesting: number
  readonly file?: string
  readonly skip?: string | boolean
  readonly todo?: string | boolean
  readonly details: {
    readonly duration_ms?: number
    readonly type?: string
    readonly error?: Error & { readonly failureType?: string; readonly cause?: unknown }
  }
}

interface Failure {
  readonly path: readonly string[]
  readonly file: string
  readonly error: unknown
  /** What `--name` must say: the outermost test, because a subtest does not run without its parent. */
  replayName: string
}

export interface TestReportOptions {
  readonly root: string
  readonly print: (line: string) => void
}

export class TestReport {
  readonly #root: string
  readonly #print: (line: string) => void
  readonly #open: string[] = []
  readonly #files = new Map<string, { passed: number; failed: number; ms: number }>()
  readonly #failures: Failure[] = []
  #passed = 0
  #skipped = 0

  constructor({ root, print }: TestReportOptions) {
    this.#root = root
    this.#print = print
  }

  handleEvent({ type, data }: TestEvent): void {
    if (type === 'test:start') this.#handleStart(data as Result)
    else if (type === 'test:pass') this.#handlePass(data as Result)
    else if (type === 'test:fail') this.#handleFail(data as Result)
    else if (type === 'test:stdout' || type === 'test:stderr') {
      this.#print((data as { message: string }).message.trimEnd())
    }
  }

  /** Prints the summary; true if something ran and nothing failed. */
  finish(): boolean {
    for (const [file, { passed, failed, ms }] of this.#files) {
      const mark = failed === 0 ? 'ok  ' : 'FAIL'
      this.#print(`${mark} ${file}  ${passed + failed} tests, ${Math.round(ms)} ms`)
    }
    for (const failure of this.#failures) this.#printFailure(failure)
    const skipped = this.#skipped === 0 ? '' : `, ${this.#skipped} skipped`
    this.#print('')
    if (this.#passed + this.#failures.length === 0) this.#print('No test ran')
    this.#print(`${this.#passed} passed, ${this.#failures.length} failed${skipped}`)
    return this.#failures.length === 0 && this.#passed > 0
  }

  #handleStart({ name, nesting }: Result): void {
    this.#open.length = nesting
    this.#open.push(name)
  }

  #handlePass(result: Result): void {
    if (this.#isFile(result.name)) {
      return this.#fail(result, new Error('The file runs no test'))
    }
    if (result.details.type === 'suite') return
    if (isSet(result.skip) || isSet(result.todo)) this.#skipped += 1
    else {
      this.#passed += 1
      this.#count(result, 'passed')
    }
  }

  #handleFail(result: Result): void {
    const { error } = result.details
    if (error?.failureType === 'subtestsFailed') return this.#handleParentOfFailures(result)
    if (isSet(result.todo)) this.#skipped += 1
    else this.#fail(result, error?.cause ?? error)
  }

  #handleParentOfFailures(parent: Result): void {
    if (parent.details.type === 'suite') return
    const isBelow = ({ path, file }: Failure): boolean =>
      path[parent.nesting] === parent.name && file === this.#fileOf(parent)
    for (const failure of this.#failures.filter(isBelow)) failure.replayName = parent.name
  }

  #fail(result: Result, error: unknown): void {
    const path = [...this.#open.slice(0, result.nesting), result.name]
    this.#failures.push({ path, file: this.#fileOf(result), error, replayName: result.name })
    this.#count(result, 'failed')
  }

  #count(result: Result, outcome: 'passed' | 'failed'): void {
    const file = this.#fileOf(result)
    const counts = this.#files.get(file) ?? { passed: 0, failed: 0, ms: 0 }
    counts[outcome] += 1
    if (result.nesting === 0) counts.ms += result.details.duration_ms ?? 0
    this.#files.set(file, counts)
  }

  #printFailure({ path, file, error, replayName }: Failure): void {
    this.#print('')
    this.#print(`FAILED ${path.join(' › ')}`)
    this.#print(indent(typeof error === 'string' ? error : inspect(error, { depth: 6 })))
    const name = this.#isFile(replayName) ? '' : ` --name ${shellQuote(replayName)}`
    this.#print(`  replay: npm test -- ${file}${name}`)
  }

  #isFile(name: string): boolean {
    return name.startsWith(this.#root) && name.endsWith('.js')
  }

  #fileOf({ file, name }: Result): string {
    const path = this.#isFile(name) ? name : (file ?? 'unknown file').replace(/^file:\/\//, '')
    const local = relative(this.#root, path)
    return local.endsWith('.js') ? sourcePath(local) : local
  }
}

function isSet(flag: string | boolean | undefined): boolean {
  return flag !== undefined && flag !== false
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
