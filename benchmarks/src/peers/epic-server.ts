// Epic Server itself, by the programs of its own benches, so that one run has it beside the others.

import { Probe } from '../probe.ts'
import { type Peer, type RunningPeer } from './peer.ts'

export const epicServer: Peer = { name: 'Epic Server', start: startEpicServer }

async function startEpicServer(folder: string): Promise<RunningPeer> {
  const probes: Probe[] = []
  const start = async (name: string, ...args: string[]): Promise<Probe> => {
    const probe = await Probe.start(new URL(`../epic/${name}.js`, import.meta.url), args)
    probes.push(probe)
    return probe
  }
  const stop = async (): Promise<void> => {
    await Promise.all(probes.map((probe) => probe.stop()))
  }
  try {
    const local = await start('local-probe')
    const remote = await start('pair-probe')
    const durable = await start('durable-probe', folder)
    return { name: 'Epic Server', can: { local, remote, durable }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
