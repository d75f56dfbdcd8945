/**
 * Baseline: calls between two processes over a unix socket (or the stream that is given: `tcp`, `tls`), with nothing around them.
 *
 * All requests of a tick go out as one batch in one write, and so do all answers; a table of call
 * ids leads an answer back to its caller. No routing, no deadlines, no bounds, no errors.
 *
 * `awaited` is what a program that awaits its calls can hope for, with a promise a call. `callbacks`
 * leaves the promises out as well: the next request is issued by the answer to the last one. Nobody
 * writes entities like that; it tells what the promises cost.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runClosedLoop, type Load, type Measured } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'
import { connectTo, streamKindOf, type StreamAddress } from './bare-stream.ts'
import { BatchReader, encodeBatch, type Reply, type Request } from './batch-framing.ts'

const entities = Array.from({ length: 1_000 }, (_, i) => `Counter/${i}`)

class BatchingClient {
  readonly #socket: Socket
  readonly #callbacks = new Map<number, (value: number) => void>()
  #requests: Request[] = []
  #lastCallId = 0

  constructor(socket: Socket) {
    this.#socket = socket
    const reader = new BatchReader<Reply>((replies) => {
      for (const [callId, value] of replies) {
        const callback = this.#callbacks.get(callId)
        this.#callbacks.delete(callId)
        callback?.(value)
      }
    })
    socket.on('data', (chunk) => reader.push(chunk))
  }

  send(entity: string, by: number, callback: (value: number) => void): void {
    this.#lastCallId += 1
    this.#callbacks.set(this.#lastCallId, callback)
    if (this.#requests.length === 0) setImmediate(() => this.#flush())
    this.#requests.push([this.#lastCallId, entity, 'increment', by])
  }

  call(entity: string, by: number): Promise<number> {
    return new Promise((resolve) => this.send(entity, by, resolve))
  }

  #flush(): void {
    this.#socket.write(encodeBatch(this.#requests))
    this.#requests = []
  }
}

async function connectToServer(): Promise<BatchingClient> {
  const kind = streamKindOf(process.argv[2] ?? 'unix')
  const folder = mkdtempSync(join(tmpdir(), 'epic-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const program = new URL('./batched-socket-server.js', import.meta.url)
  const server = fork(program, [kind, join(folder, 'socket')], { execArgv: [] })
  const [address] = (await once(server, 'message')) as [StreamAddress]
  const socket = await connectTo(kind, address)
  return new BatchingClient(socket)
}

/** The loop without promises: `inFlight` chains of answer and next request. */
function runCallbackLoop(client: BatchingClient, load: Load): Promise<Measured> {
  const startedAt = performance.now()
  let operations = 0
  let underWay = load.inFlight
  let running = true
  setTimeout(() => {
    running = false
  }, load.durationMs)
  return new Promise((resolve) => {
    const chain = (entity: string): void => {
      client.send(entity, 1, () => {
        operations += 1
        if (running) return chain(entity)
        underWay -= 1
        if (underWay === 0) resolve({ operations, elapsedMs: performance.now() - startedAt })
      })
    }
    for (let i = 0; i < load.inFlight; i += 1) chain(entityOf(i % load.targets))
  })
}

function entityOf(target: number): string {
  return entities[target] ?? `Counter/${target}`
}

const client = await connectToServer()
serveProbe((load) =>
  load.operation === 'callbacks'
    ? runCallbackLoop(client, load)
    : runClosedLoop((target) => client.call(entityOf(target), 1), load),
)
