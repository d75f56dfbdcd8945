// Turns node:test's events into what a person reads: a line a file, each failure with the command
// that replays it, and one closing line of counts.
//
// A report is of one process, since several run side by side: what each has to say is said in one piece at
// its end. What it printed itself is shown only if something failed in it.
//
// Only leaves count: a suite that fails because a test in it failed is not a second failure. A file
// that runs no test fails, because a file that tests nothing is a mistake. (The runner itself reports
// such a file, and one whose process broke, as one test that is named after the file.)

import { relative } from 'node:path'
import { inspect } from 'node:util'
import { markedFile, sourcePath } from './test-files.ts'

/** The part of node:test's events that the report reads. */
export interface TestEvent {
  readonly type: string
  readonly data: unknown
}

interface Result {
  readonly name: string
  readonly nesting: number
  readonly skip?: string | boolean
  readonly todo?: string | boolean
  readonly details: {
    readonly duration_ms?: number
    readonly type?: string
    readonly error?: RunnerError
  }
}

interface RunnerError extends Error {
  readonly failureType?: string
  /** Of a whole process: how it ended. */
  readonly exitCode?: number | null
  readonly signal?: string | null
}

interface FileCounts {
  passed: number
  failed: number
  skipped: number
  ms: number
}

interface Failure {
  readonly path: readonly string[]
  readonly file: string
  readonly error: unknown
  /** What `--name` must say: the outermost test, because a subtest does not run without its parent. */
  replayName: string
}

/** What a report adds to the sum of all. */
export interface TestCounts {
  readonly passed: number
  readonly skipped: number
  /** Each failure's name, and how to replay it. */
  readonly failed: readonly string[]
}

export interface TestReportOptions {
  readonly root: string
  readonly print: (line: string) => void
  /** Tests were chosen by name, so that a file may well run none. */
  readonly isByName?: boolean
}

export class TestReport {
  readonly #isByName: boolean
  readonly #root: string
  readonly #print: (line: string) => void
  readonly #open: string[] = []
  readonly #files = new Map<string, FileCounts>()
  readonly #failures: Failure[] = []
  /** What the process itself printed. */
  readonly #printed: string[] = []
  #file = ''

  constructor({ root, print, isByName = false }: TestReportOptions) {
    this.#isByName = isByName
    this.#root = root
    this.#print = print
  }

  /** Files from which nothing is heard fail too: a process may end early and say it was fine. */
  expectFiles(compiled: readonly string[]): void {
    for (const file of compiled) this.startFile(file)
    this.#file = ''
  }

  /** What comes next are the tests of this file, until another one starts. */
  startFile(compiled: string): void {
    this.#file = sourcePath(relative(this.#root, compiled))
    this.#counts()
  }

  handleEvent({ type, data }: TestEvent): void {
    if (type === 'test:start') this.#handleStart(data as Result)
    else if (type === 'test:pass') this.#handlePass(data as Result)
    else if (type === 'test:fail') this.#handleFail(data as Result)
    else if (type === 'test:stdout' || type === 'test:stderr') {
      this.#printed.push((data as { message: string }).message.trimEnd())
    }
  }

  /** Prints what became of the process's files. */
  finish(): TestCounts {
    for (const [file, counts] of this.#files) {
      if (this.#isByName && counts.passed + counts.failed === 0) continue
      if (counts.passed + counts.failed + counts.skipped === 0) {
        this.#file = file
        this.#fail({ name: '', nesting: 0, details: {} }, 'The file runs no test')
      }
      const mark = counts.failed === 0 ? 'ok  ' : 'FAIL'
      this.#print(
        `${mark} ${file}  ${counts.passed + counts.failed} tests, ${Math.round(counts.ms)} ms`,
      )
    }
    if (this.#failures.length > 0) for (const text of this.#printed) this.#print(text)
    for (const failure of this.#failures) this.#printFailure(failure)
    return {
      passed: this.#sum('passed'),
      skipped: this.#sum('skipped'),
      failed: this.#failures.map((failure) => `${titleOf(failure)}\n${replayOf(failure)}`),
    }
  }

  #handleStart({ name, nesting }: Result): void {
    this.#open.length = nesting
    this.#open.push(name)
  }

  #handlePass(result: Result): void {
    const next = markedFile(result.name)
    if (next !== undefined) return this.startFile(next)
    this.#addTime(result)
    if (result.details.type === 'suite' || this.#isFile(result.name)) return
    const reason = isSet(result.skip) ? result.skip : result.todo
    if (isSet(reason)) this.#skip(result, reason)
    else this.#count('passed')
  }

  #handleFail(result: Result): void {
    const { error } = result.details
    this.#addTime(result)
    if (error?.failureType === 'subtestsFailed') return this.#handleParentOfFailures(result)
    if (isSet(result.todo)) this.#skip(result, result.todo)
    else if (error?.exitCode !== undefined) this.#fail(result, endOf(error))
    else this.#fail(result, error?.cause ?? error)
  }

  #handleParentOfFailures(parent: Result): void {
    if (parent.details.type === 'suite') return
    const isBelow = ({ path, file }: Failure): boolean =>
      path[parent.nesting] === parent.name && file === this.#file
    for (const failure of this.#failures.filter(isBelow)) failure.replayName = parent.name
  }

  /** Nothing is left out silently: each such test is named, with the reason. */
  #skip({ name }: Result, reason: string | boolean | undefined): void {
    this.#count('skipped')
    const why = typeof reason === 'string' ? reason : 'no reason given'
    this.#print(`skip ${this.#file}  ${name}: ${why}`)
  }

  #fail(result: Result, error: unknown): void {
    const path = [...this.#open.slice(0, result.nesting), result.name]
    const replayName = this.#isFile(result.name) ? '' : result.name
    this.#failures.push({ path, file: this.#file, error, replayName })
    this.#count('failed')
  }

  #count(outcome: 'passed' | 'failed' | 'skipped'): void {
    this.#counts()[outcome] += 1
  }

  /** What lies in a suite is timed by the suite. */
  #addTime({ nesting, details }: Result): void {
    if (nesting === 0) this.#counts().ms += details.duration_ms ?? 0
  }

  #counts(): FileCounts {
    const counts = this.#files.get(this.#file) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 }
    this.#files.set(this.#file, counts)
    return counts
  }

  #sum(outcome: 'passed' | 'skipped'): number {
    return [...this.#files.values()].reduce((sum, counts) => sum + counts[outcome], 0)
  }

  #printFailure(failure: Failure): void {
    const { error } = failure
    this.#print('')
    this.#print(titleOf(failure))
    this.#print(indent(typeof error === 'string' ? error : inspect(error, { depth: 6 })))
    this.#print(replayOf(failure))
  }

  #isFile(name: string): boolean {
    return name.startsWith(this.#root) && name.endsWith('.js')
  }
}

/** Prints the sum of all reports; true if something ran and nothing failed. */
export function printTotals(all: readonly TestCounts[], print: (line: string) => void): boolean {
  const failed = all.flatMap((counts) => counts.failed)
  const sum = (what: 'passed' | 'skipped'): number =>
    all.reduce((total, counts) => total + counts[what], 0)
  const [passed, skipped] = [sum('passed'), sum('skipped')]
  print('')
  for (const failure of failed) print(failure)
  if (passed + failed.length === 0) print('No test ran')
  print(`${passed} passed, ${failed.length} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`)
  return failed.length === 0 && passed > 0
}

function titleOf({ path, file }: Failure): string {
  return `FAILED ${path.join(' › ') || file}`
}

function replayOf({ file, replayName }: Failure): string {
  const name = replayName === '' ? '' : ` --name ${shellQuote(replayName)}`
  return `  replay: npm test -- ${file || '--unit'}${name}`
}

function endOf({ exitCode, signal }: RunnerError): string {
  return `The process ended with ${signal ?? `exit code ${exitCode}`}, and not because of a test`
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
