/** The ways in which a machine of a cluster is harmed. */
import type { ClusterMachine, ClusterTrial } from './cluster-trial.ts'
import type { Harm } from './cluster-harm.ts'
import { pause } from './load.ts'
import { pidsOf } from './machine-trial.ts'

const WAIT_MS = 50

/** Nothing of it is left, and nobody is told: the cable is cut before its processes end. */
export const machineLoss: Harm = {
  name: 'loss',
  async begin({ net }, { host }) {
    await net.cut(host)
    await net.killAll(host)
  },
  async end(trial, machine) {
    const { net, etcd } = trial
    await net.mend(machine.host)
    if (machine.index < etcd.endpoints.length) await etcd.start(machine.index)
    await trial.start(machine)
    await servesFully(trial, machine)
  },
}

/** Nothing goes to it or from it. */
export const isolation: Harm = {
  name: 'isolation',
  begin: ({ net }, { host }) => net.cut(host),
  async end(trial, machine) {
    await trial.net.mend(machine.host)
    await servesFully(trial, machine)
  },
}

/** It hears nobody; what it says is heard. */
export const deafness: Harm = {
  name: 'deafness',
  async begin({ net }, { host }) {
    for (const other of othersOf(net.hosts, host)) await net.deafen(other, host)
  },
  async end(trial, machine) {
    for (const other of othersOf(trial.net.hosts, machine.host))
      await trial.net.undeafen(other, machine.host)
    await servesFully(trial, machine)
  },
}

/** Nobody hears it; it hears all. */
export const muteness: Harm = {
  name: 'muteness',
  async begin({ net }, { host }) {
    for (const other of othersOf(net.hosts, host)) await net.deafen(host, other)
  },
  async end(trial, machine) {
    for (const other of othersOf(trial.net.hosts, machine.host))
      await trial.net.undeafen(machine.host, other)
    await servesFully(trial, machine)
  },
}

/** All its nodes and their supervisor stand still, past their leases; its etcd goes on. */
export const hostPause: Harm = {
  name: 'pause',
  begin: async (_, machine) => signalAll(await pidsOfMachine(machine), 'SIGSTOP'),
  async end(trial, machine) {
    const before = frozen.get(machine) ?? []
    signalAll(before, 'SIGCONT')
    // Those that stood still past their leases end, once they have noticed.
    await servesFully(trial, machine, before)
  },
}

/** Who stands still, since the frozen cannot be asked. */
const frozen = new WeakMap<ClusterMachine, readonly number[]>()

async function pidsOfMachine(machine: ClusterMachine): Promise<readonly number[]> {
  if (machine.app === undefined) return []
  const { serving, starting } = await pidsOf(machine.app)
  const pids = [machine.app.pid, ...serving, ...starting]
  frozen.set(machine, pids)
  return pids
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) process.kill(pid, signal)
}

function othersOf(
  hosts: ClusterTrial['net']['hosts'],
  host: ClusterMachine['host'],
): ClusterTrial['net']['hosts'] {
  return hosts.filter((each) => each !== host)
}

/** Opens the machine for the load again when all its nodes serve. */
async function servesFully(
  trial: ClusterTrial,
  machine: ClusterMachine,
  before: readonly number[] = [],
): Promise<void> {
  const { app } = machine
  if (app === undefined) throw new Error('A machine is harmed while it runs')
  for (;;) {
    const { serving } = await pidsOf(app)
    if (serving.filter((pid) => !before.includes(pid)).length >= trial.options.processes) break
    await pause(WAIT_MS)
  }
  machine.isOpen = true
}
