/**
 * Restate: a virtual object behind the server's HTTP ingress.
 *
 * The way of a call is load → server → service → server → load, and each invocation is written to
 * the server's log and synced before it is answered, whether it keeps state or not. So its call
 * between processes is durable too, which ours and Erlang's are not; read the figures with that.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { arch, platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Probe } from '../probe.ts'
import { answersHttp, findFreePort, ForeignProgram } from './foreign-program.ts'
import { peersFolder, requirePeer, versionOf } from './installation.ts'
import { type Peer, type RunningPeer } from './peer.ts'

export const restate: Peer = { name: 'Restate', isFromNpm: true, start: startRestate }

const paths = {
  increment: '/Counter/:target/echo',
  'durable-increment': '/Counter/:target/increment',
}

async function startRestate(folder: string): Promise<RunningPeer> {
  const platformPackage = `@restatedev/restate-server-${platform()}-${arch()}`
  const command = requirePeer.resolve(`${platformPackage}/bin/restate-server`)
  const [ingress, admin, fabric, servicePort] = await Promise.all(
    Array.from({ length: 4 }, findFreePort),
  )
  const args = ['--no-logo', '--node-name', 'bench', '--base-dir', folder]
  const server = await ForeignProgram.start(command, args, {
    env: {
      RESTATE_LISTEN_MODE: 'tcp',
      RESTATE_BIND_ADDRESS: `127.0.0.1:${fabric}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_DISABLE_TELEMETRY: 'true',
    },
  })
  const program = fileURLToPath(new URL('restate/counter.mjs', peersFolder))
  const service = fork(program, [String(servicePort)], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production', RESTATE_LOGGING: 'ERROR' },
  })
  const stopServers = async (): Promise<void> => {
    service.disconnect()
    await server.stop()
  }
  try {
    await once(service, 'message')
    await server.whenReady(() => answersHttp(`http://127.0.0.1:${admin}/health`))
    await server.whenReady(() => answersHttp(`http://127.0.0.1:${ingress}/restate/health`))
    await register(`http://127.0.0.1:${admin}`, `http://127.0.0.1:${servicePort}`)
    const load = await Probe.start(new URL('./http-load.js', import.meta.url), [
      `http://127.0.0.1:${ingress}`,
      'POST',
      JSON.stringify(paths),
    ])
    return {
      name: `Restate ${versionOf('@restatedev/restate-server')}`,
      can: { remote: load, durable: load },
      async stop() {
        await load.stop()
        await stopServers()
      },
    }
  } catch (error) {
    await stopServers()
    throw error
  }
}

async function register(admin: string, service: string): Promise<void> {
  const response = await fetch(`${admin}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: service }),
  })
  if (!response.ok) throw new Error(`The service was not registered: ${await response.text()}`)
}
