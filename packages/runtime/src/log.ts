/**
 * The log as the runtime and entities see it: a level, a message, and facts beside it.
 *
 * Facts are data, never spliced into the message, and control characters in both are escaped before they are written, so that
 * nobody can forge a line or move a terminal's cursor by choosing an id.
 */
import { framesOfApp } from './frames-of-app.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** What stands beside a message, by name. */
export type LogFacts = Readonly<Record<string, unknown>>

/** Where lines are written: `this.log` in an entity. */
export interface Log {
  debug(message: string, facts?: LogFacts): void
  info(message: string, facts?: LogFacts): void
  warn(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
  /** The same log with facts added to each line. */
  with(facts: LogFacts): Log
}

/** Where finished lines go. */
export type LogSink = (level: LogLevel, message: string, facts: LogFacts) => void

/** Makes a log of a sink. */
export function createLog(sink: LogSink, always: LogFacts = {}): Log {
  const write =
    (level: LogLevel) =>
    (message: string, facts: LogFacts = {}): void =>
      sink(level, message, { ...always, ...facts })
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (facts) => createLog(sink, { ...always, ...facts }),
  }
}

/** Writes lines for people: `12:00:00.000 warn  message key=value`. */
export function textLogSink(write: (line: string) => void, now: () => Date): LogSink {
  return (level, message, facts) => {
    const time = now().toISOString().slice(11, 23)
    const extra = Object.entries(facts)
      .map(([key, value]) => ` ${key}=${printFact(value)}`)
      .join('')
    write(`${time} ${level.padEnd(5)} ${escapeControls(message)}${extra}\n`)
  }
}

/** Writes one JSON object a line, for machines. */
export function jsonLogSink(write: (line: string) => void, now: () => Date): LogSink {
  return (level, message, facts) => {
    const printable = Object.fromEntries(
      Object.entries(facts).map(([key, value]) => [key, jsonFact(value)]),
    )
    // Those that JSON itself lets through are escapes that it knows as well.
    const text = JSON.stringify({ time: now().toISOString(), level, message, ...printable })
    write(`${escapeControls(text)}\n`)
  }
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Lets only lines of a level and above through. */
export function leveledSink(sink: LogSink, lowest: LogLevel): LogSink {
  return (level, message, facts) => {
    if (LEVELS.indexOf(level) >= LEVELS.indexOf(lowest)) sink(level, message, facts)
  }
}

/** A log that goes nowhere. */
export const silentLog: Log = createLog(() => undefined)

// eslint-disable-next-line no-control-regex -- the point is to find control characters
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

/** Shows control characters as escapes. */
function escapeControls(text: string): string {
  return text.replace(CONTROLS, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function printFact(value: unknown): string {
  if (value instanceof Error) {
    const [frame] = framesOfApp(value)
    return escapeControls(
      `${value.name}: ${value.message}${frame === undefined ? '' : ` ${frame}`}`,
    )
  }
  if (typeof value === 'string')
    return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(escapeControls(value))
  return escapeControls(JSON.stringify(jsonFact(value)) ?? String(value))
}

function jsonFact(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack } = value
    return { name, message, stack, ...('code' in value && { code: value.code }) }
  }
  return typeof value === 'bigint' ? value.toString() : value
}
