// Moleculer: an action called through the broker of one process, and from one process to another over
// the TCP transporter. It keeps no state of its own, so there is no durable increment.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Probe } from '../probe.ts'
import { findFreePort } from './foreign-program.ts'
import { peersFolder, versionOf } from './installation.ts'
import { type Peer, type RunningPeer } from './peer.ts'

export const moleculer: Peer = { name: 'Moleculer', isFromNpm: true, start: startMoleculer }

async function startMoleculer(): Promise<RunningPeer> {
  const ports = [String(await findFreePort()), String(await findFreePort())]
  const server = fork(new URL('moleculer/server.mjs', peersFolder), ports, { execArgv: [] })
  const probes: Probe[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(probes.map((probe) => probe.stop()))
    server.disconnect()
  }
  try {
    await once(server, 'message')
    const program = new URL('moleculer/load.mjs', peersFolder)
    const local = await Probe.start(program)
    probes.push(local)
    const remote = await Probe.start(program, ports)
    probes.push(remote)
    return { name: `Moleculer ${versionOf('moleculer')}`, can: { local, remote }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
