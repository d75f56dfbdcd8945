/**
 * One node process as its supervisor sees it: its states, and when it may be started again.
 *
 * | state      | meaning                              | next                         |
 * |------------|--------------------------------------|------------------------------|
 * | `starting` | forked, not serving yet              | serving, stopping, down      |
 * | `serving`  | takes calls                          | stopping, down               |
 * | `stopping` | told to stop                         | down                         |
 * | `down`     | its process has exited               | starting (after a pause: `restart-pace.ts`) |
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { EpicError } from '@epicserver/contracts'
import { nodeEnvironment } from './node-environment.ts'
import { plainError } from './plain-error.ts'
import { RestartPace } from './restart-pace.ts'
import type {
  ControlAnswer,
  ControlRequest,
  FromNode,
  NodeProcessConfig,
  PlainError,
  ToNode,
} from './supervisor-messages.ts'

export type ChildState = 'starting' | 'serving' | 'stopping' | 'down'

/** What a child reports to its supervisor. */
export interface ChildEvents {
  serving(child: NodeChild): void
  setupDone(): void
  setupFailed(error: PlainError): void
  failed(child: NodeChild, error: PlainError): void
  /** Its process is gone; `nodeId` is the lease that it had, if it had one. */
  exited(child: NodeChild, how: string, nodeId: string | undefined): void
}

export class NodeChild {
  readonly slot: number
  readonly #events: ChildEvents
  readonly #asked = new Map<number, (answer: ControlAnswer) => void>()
  #process: ChildProcess | undefined
  #lastAsk = 0
  #restarts = 0
  readonly #pace = new RestartPace()
  state: ChildState = 'down'
  nodeId: string | undefined
  /** It gives away what it has, and may end soon: what comes from outside goes through others. */
  isDraining = false
  #beatAt = 0
  /** How it said that it ends. */
  #farewell: string | undefined

  constructor(slot: number, events: ChildEvents) {
    this.slot = slot
    this.#events = events
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** How often it was started again. */
  get restarts(): number {
    return this.#restarts
  }

  start(config: NodeProcessConfig): void {
    const child = fork(fileURLToPath(new URL('./node-process.js', import.meta.url)), [], {
      env: nodeEnvironment(),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    this.#process = child
    this.state = 'starting'
    this.nodeId = undefined
    this.#farewell = undefined
    this.isDraining = false
    this.#beatAt = performance.now()
    child.on('message', (message) => this.#handle(message as FromNode))
    child.on('error', (error) => {
      // Any other error is of a message to a process that is ending, and its end is told by `exit`.
      if (child.pid !== undefined) return
      this.#events.failed(this, {
        name: error.name,
        message: `Cannot start a process: ${error.message}`,
      })
      this.#handleExit(child, error.message)
    })
    child.on('exit', (code, signal) => {
      const ended = (): void => this.#handleExit(child, signal ?? `code ${code}`)
      // Its last words may be read after its exit is seen, and its channel ends behind them.
      if (child.connected) child.once('disconnect', ended)
      else ended()
    })
    this.#send({ kind: 'start', config })
  }

  /** How long to wait before the next start; asked once after each end. */
  restartDelay(): number {
    this.#restarts += 1
    return this.#pace.handleEnd(performance.now())
  }

  /** Has the process use these cluster keys for new connections. */
  replaceKeys(keys: readonly string[]): void {
    this.#send({ kind: 'keys', keys })
  }

  stop(): void {
    if (this.state === 'down') return
    this.state = 'stopping'
    this.#send({ kind: 'stop' })
  }

  /**
   * For how long the process has shown no sign of life. Before it has a lease it holds nothing that others need, and may be busy
   * with importing the app for as long as that takes.
   */
  silentMs(now: number): number {
    return this.nodeId === undefined ? 0 : now - this.#beatAt
  }

  /** Ends the process at once, also when it is frozen. */
  kill(): void {
    this.#process?.kill('SIGKILL')
  }

  ask(request: ControlRequest): Promise<ControlAnswer> {
    if (this.state !== 'serving') return Promise.resolve(unavailable(this.slot))
    this.#lastAsk += 1
    const id = this.#lastAsk
    return new Promise((resolve) => {
      this.#asked.set(id, resolve)
      this.#send({ kind: 'ask', id, request })
    })
  }

  #send(message: ToNode): void {
    const child = this.#process
    // What cannot be sent is lost with its process, whose exit says so; without a callback it would be an error of the child.
    if (child?.connected === true) child.send(message, () => undefined)
  }

  #handle(message: FromNode): void {
    switch (message.kind) {
      case 'leased':
        this.nodeId = message.nodeId
        break
      case 'serving':
        if (this.state !== 'starting') break
        this.state = 'serving'
        this.#pace.handleServing(performance.now())
        this.#events.serving(this)
        break
      case 'setupDone':
        this.#events.setupDone()
        break
      case 'setupFailed':
        this.#events.setupFailed(message.error)
        break
      case 'failed':
        this.#events.failed(this, message.error)
        break
      case 'beat':
        this.#beatAt = performance.now()
        break
      case 'ends':
        this.#farewell = `code ${message.code}`
        break
      case 'answer':
        this.#asked.get(message.id)?.(message.answer)
        this.#asked.delete(message.id)
        break
    }
  }

  #handleExit(child: ChildProcess, how: string): void {
    if (this.#process !== child) return
    const { nodeId } = this
    this.#process = undefined
    this.nodeId = undefined
    this.state = 'down'
    for (const resolve of this.#asked.values()) resolve(lost(this.slot))
    this.#asked.clear()
    this.#events.exited(this, this.#farewell ?? how, nodeId)
  }
}

function lost(slot: number): ControlAnswer {
  const message = `Cannot know what became of the request: node ${slot} ended`
  return { ok: false, error: plainError(new EpicError('NodeLost', message)) }
}

function unavailable(slot: number): ControlAnswer {
  const message = `Cannot ask node ${slot}: it is not serving`
  return { ok: false, error: plainError(new EpicError('Unavailable', message)) }
}
