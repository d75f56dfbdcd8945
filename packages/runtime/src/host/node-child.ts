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
import { RestartPace } from './restart-pace.ts'
import type { ControlAnswer, ControlRequest, FromNode, NodeProcessConfig, PlainError, ToNode } from './supervisor-messages.ts'

export type ChildState = 'starting' | 'serving' | 'stopping' | 'down'

/** What a child reports to its supervisor. */
export interface ChildEvents {
  joined(child: NodeChild, nodeId: string): void
  serving(child: NodeChild): void
  setupDone(): void
  failed(child: NodeChild, error: PlainError): void
  exited(child: NodeChild, how: string): void
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
  beatAt = 0

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
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    this.#process = child
    this.state = 'starting'
    this.nodeId = undefined
    this.beatAt = performance.now()
    child.on('message', (message) => this.#handle(message as FromNode))
    child.on('error', (error) => this.#events.failed(this, { name: error.name, message: error.message }))
    child.on('exit', (code, signal) => this.#handleExit(child, signal ?? `code ${code}`))
    this.#send({ kind: 'start', config })
  }

  /** How long to wait before the next start; asked once after each end. */
  restartDelay(): number {
    this.#restarts += 1
    return this.#pace.handleEnd(performance.now())
  }

  stop(): void {
    if (this.state === 'down') return
    this.state = 'stopping'
    this.#send({ kind: 'stop' })
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
      case 'joined':
        this.nodeId = message.nodeId
        this.#events.joined(this, message.nodeId)
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
      case 'failed':
        this.#events.failed(this, message.error)
        break
      case 'beat':
        this.beatAt = performance.now()
        break
      case 'answer':
        this.#asked.get(message.id)?.(message.answer)
        this.#asked.delete(message.id)
        break
    }
  }

  #handleExit(child: ChildProcess, how: string): void {
    if (this.#process !== child) return
    this.#process = undefined
    this.state = 'down'
    for (const resolve of this.#asked.values()) resolve(lost(this.slot))
    this.#asked.clear()
    this.#events.exited(this, how)
  }
}

function lost(slot: number): ControlAnswer {
  return { ok: false, error: { name: 'EpicError', code: 'NodeLost', message: `Cannot know what became of the request: node ${slot} ended`, retry: 'unknown' } }
}

function unavailable(slot: number): ControlAnswer {
  return { ok: false, error: { name: 'EpicError', code: 'Unavailable', message: `Cannot ask node ${slot}: it is not serving`, retry: 'safe' } }
}
