/**
 * `Date`, `Math.random`, timers, `performance.now` and `console` as user code sees them during a simulation: those of the process
 * whose code is running, or the world's where the code of the test runs.
 *
 * They are put in place of the globals for the time of a simulation, and back afterwards. What code has taken before (a `const now =
 * Date.now` at the top of a module) or imports (`node:timers`, `node:crypto`) is not seen; `queueMicrotask` and
 * `process.nextTick` need no control, since all that they queue runs before the next event.
 */
import type { Pending } from '@epicserver/runtime'

/** What takes the globals' place. */
export interface GlobalSource {
  wallMs(): number
  monotonicMs(): number
  random(): number
  readonly setTimer: (run: () => void, delayMs: number) => Pending
  /** A line for the console; `undefined` where it goes to the real one. */
  readonly print: ((line: string) => void) | undefined
}

const CONSOLE_METHODS = ['debug', 'error', 'info', 'log', 'warn'] as const

/** A timer, as `setTimeout` returns it. */
class SimulatedTimer {
  readonly #start: () => Pending
  #pending: Pending

  constructor(start: () => Pending) {
    this.#start = start
    this.#pending = start()
  }

  cancel(): void {
    this.#pending.cancel()
  }

  /** Lets an interval go on. */
  again(): void {
    this.#pending = this.#start()
  }

  refresh(): this {
    this.cancel()
    this.again()
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }
}

/** Puts the globals of a simulation in place; returns what puts the real ones back. */
export function controlGlobals(source: () => GlobalSource): () => void {
  const target = globalThis as unknown as Record<string, unknown>
  const restores = [
    ...Object.entries(timers(source)).map(([name, value]) => replace(target, name, value)),
    replace(target, 'Date', dateOf(source)),
    replace(Math, 'random', () => source().random()),
    replace(performance, 'now', () => source().monotonicMs()),
    ...CONSOLE_METHODS.map((method) => replace(console, method, printer(method, source))),
  ]
  return () => {
    for (const restore of restores.toReversed()) restore()
  }
}

function replace(target: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, {
    value,
    writable: true,
    configurable: true,
    enumerable: true,
  })
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, name)
    else Object.defineProperty(target, name, before)
  }
}

function dateOf(source: () => GlobalSource): DateConstructor {
  const now = (): number => Math.floor(source().wallMs())
  return new Proxy(Date, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    apply: (target) => new target(now()).toString(),
    get: (target, key, receiver) =>
      key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown),
  })
}

type Run = (...args: unknown[]) => void

function timers(source: () => GlobalSource): Record<string, unknown> {
  const clear = (real: (timer: never) => void) => (timer: unknown) => {
    if (timer instanceof SimulatedTimer) timer.cancel()
    else real(timer as never)
  }
  const once = (run: Run, delayMs: number, args: unknown[]): SimulatedTimer => {
    const { setTimer } = source()
    return new SimulatedTimer(() => setTimer(() => run(...args), delayMs))
  }
  return {
    setTimeout: (run: Run, delayMs?: number, ...args: unknown[]) =>
      once(run, atLeast(delayMs), args),
    setImmediate: (run: Run, ...args: unknown[]) => once(run, 0, args),
    setInterval: (run: Run, delayMs?: number, ...args: unknown[]) => {
      const timer: SimulatedTimer = once(
        () => {
          timer.again()
          run(...args)
        },
        atLeast(delayMs),
        [],
      )
      return timer
    },
    clearTimeout: clear(clearTimeout),
    clearInterval: clear(clearInterval),
    clearImmediate: clear(clearImmediate),
  }
}

/** As Node has it: less than a millisecond is one, and so is what is no number. */
function atLeast(delayMs: number | undefined): number {
  return delayMs !== undefined && delayMs >= 1 ? delayMs : 1
}

function printer(method: (typeof CONSOLE_METHODS)[number], source: () => GlobalSource): Run {
  const real = console[method].bind(console) as Run
  return (...args) => {
    const { print } = source()
    if (print === undefined) real(...args)
    else print(args.map((arg) => (typeof arg === 'string' ? arg : inspect(arg))).join(' '))
  }
}

function inspect(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    // A cycle, or a BigInt: it is only a line of a trace.
    return String(value)
  }
}
