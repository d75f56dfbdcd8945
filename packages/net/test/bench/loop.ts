/** Calls between two processes over a unix socket, through one of the loops; measures how many a second. */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { anyKey, createPipe, unixTransport } from '@epicserver/net'
import { bareLoop } from './bare-loop.ts'
import { callProtocol } from './call-protocol.ts'
import { clockWith } from './loop-clock.ts'
import type { EndOfTick } from './loop-clock.ts'

export type LoopName = 'bare' | 'calls' | 'msgpack'

export interface LoopOptions {
  readonly inFlight: number
  readonly endOfTick?: EndOfTick
  /** Whether answers come some promises later. */
  readonly answersLater?: boolean
  readonly warmUpMs?: number
  readonly measureMs?: number
}

export interface LoopResult {
  readonly callsPerSecond: number
  /** CPU time of the calling process for one call. */
  readonly cpuUs: number
}

const echo = fileURLToPath(new URL('echo.js', import.meta.url))

/** One round in a process of its own at the other end. */
export async function measureLoop(loop: LoopName, options: LoopOptions): Promise<LoopResult> {
  const {
    inFlight,
    endOfTick = 'settled',
    answersLater = false,
    warmUpMs = 300,
    measureMs = 1000,
  } = options
  const folder = mkdtempSync(join(tmpdir(), 'net-bench-'))
  const path = join(folder, 's')
  const child = fork(echo, [loop, path, endOfTick, answersLater ? 'later' : 'at once'])
  try {
    await new Promise((resolve) => child.once('message', resolve))
    const calls = await open(loop, { path, endOfTick })
    for (let i = 0; i < inFlight; i += 1) calls.send()
    await sleep(warmUpMs)
    const before = { done: calls.done(), at: performance.now(), cpu: process.cpuUsage() }
    await sleep(measureMs)
    const count = calls.done() - before.done
    const cpu = process.cpuUsage(before.cpu)
    return {
      callsPerSecond: (count / (performance.now() - before.at)) * 1000,
      cpuUs: (cpu.user + cpu.system) / count,
    }
  } finally {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Calls {
  /** Makes a call; each answer makes the next. */
  send(): void
  done(): number
}

async function open(
  loop: LoopName,
  { path, endOfTick }: { path: string; endOfTick: EndOfTick },
): Promise<Calls> {
  let done = 0
  let id = 0
  if (loop === 'bare') {
    const socket = connect(path)
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('connect', resolve))
    const write = bareLoop(socket, () => {
      done += 1
      send()
    })
    const send = (): void => write([(id += 1), 'Player', 'bob', 'move', [1, 2.5]])
    return { send, done: () => done }
  }
  const pipe = createPipe<never>({
    transport: unixTransport(),
    clock: clockWith(endOfTick),
    ...(loop === 'calls' ? { protocol: callProtocol as never } : { protocol: 'msgpack' }),
  })
  const channel = await pipe.connect(path)
  const makeCall =
    loop === 'calls'
      ? (): unknown => ({
          isReply: false,
          id: (id += 1),
          type: 'Player',
          entity: 'bob',
          operation: 'move',
          value: [1, 2.5],
        })
      : (): unknown => [(id += 1), 'Player', 'bob', 'move', [1, 2.5]]
  const send = (): void => channel.send(makeCall() as never)
  channel.on(anyKey, () => {
    done += 1
    send()
  })
  return { send, done: () => done }
}

/** A measurement lasts as long as it was told to; nothing is waited for. */
function sleep(ms: number): Promise<void> {
  // tidy: measuring takes time
  return new Promise((resolve) => setTimeout(resolve, ms))
}
