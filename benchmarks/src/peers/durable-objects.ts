/**
 * Durable Objects in `workerd`, with storage on the local disk: calls from a worker to objects of the
 * same process, calls over HTTP, and the documentation's durable counter.
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Load, type Measured } from '../closed-loop.ts'
import { Probe } from '../probe.ts'
import { type Measurable } from '../workloads.ts'
import { answersHttp, findFreePort, ForeignProgram } from './foreign-program.ts'
import { peersFolder, requirePeer, versionOf } from './installation.ts'
import { type Peer, type RunningPeer } from './peer.ts'

export const durableObjects: Peer = {
  name: 'Durable Objects',
  isFromNpm: true,
  start: startDurableObjects,
}

/** Enough that the one HTTP request around them does not count, few enough to stop in time. */
const localCallsEach = 20

const paths = {
  local: `/local/100/${localCallsEach}`,
  increment: '/increment/:target',
  'durable-increment': '/durable-increment/:target',
}

async function startDurableObjects(folder: string): Promise<RunningPeer> {
  const { default: command } = requirePeer('workerd') as { default: string }
  const origin = `127.0.0.1:${await findFreePort()}`
  const storage = join(folder, 'storage')
  mkdirSync(storage)
  const config = fileURLToPath(new URL('durable-objects/config.capnp', peersFolder))
  const args = [
    'serve',
    config,
    `--socket-addr=http=${origin}`,
    `--directory-path=storage=${storage}`,
  ]
  const server = await ForeignProgram.start(command, args)
  try {
    await server.whenReady(() => answersHttp(`http://${origin}/increment/ready`))
    const load = await Probe.start(new URL('./http-load.js', import.meta.url), [
      `http://${origin}`,
      'GET',
      JSON.stringify(paths),
    ])
    return {
      name: `Durable Objects (workerd ${versionOf('workerd')})`,
      can: { local: callsInsideWorker(load), remote: load, durable: load },
      async stop() {
        await load.stop()
        await server.stop()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** One request makes `inFlight` callers call inside the worker; requests follow one another. */
function callsInsideWorker(load: Probe): Measurable {
  return {
    async measure({ inFlight, durationMs }: Load): Promise<Measured> {
      const oneByOne = { operation: 'local', inFlight: 1, targets: 1, durationMs }
      const { operations, elapsedMs } = await load.measure(oneByOne)
      return { operations: operations * inFlight * localCallsEach, elapsedMs }
    },
  }
}
