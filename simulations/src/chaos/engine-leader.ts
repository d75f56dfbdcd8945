/** Which etcd of a cluster leads, asked of the servers on their own hosts. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { NetHost } from '../hosts/net-hosts.ts'
import type { ClusterTrial } from './cluster-trial.ts'

const run = promisify(execFile)
const ASK_STATUS =
  'fetch(process.argv[1], { method: "POST", body: "{}" }).then((r) => r.text()).then((t) => console.log(t))'

/** The index of the server that leads, as those say that are not `dead`; `dead` itself while they have none. */
export async function leaderOf(trial: ClusterTrial, dead = -1): Promise<number> {
  const statuses = await Promise.all(
    trial.etcd.endpoints.map(async (_, index) =>
      index === dead ? undefined : await statusOf(trial, index),
    ),
  )
  const leader = statuses.find((status) => status !== undefined && status.leader !== '0')?.leader
  const found = statuses.findIndex((status) => status?.member === leader)
  return leader === undefined || found < 0 ? dead : found
}

async function statusOf(
  { net, etcd }: ClusterTrial,
  index: number,
): Promise<{ readonly member: string; readonly leader: string } | undefined> {
  const [command, ...args] = (net.hosts[index] as NetHost).command
  const url = `${etcd.endpoints[index]}/v3/maintenance/status`
  const { stdout } = await run(command, [...args, process.execPath, '-e', ASK_STATUS, url])
  const status = JSON.parse(stdout) as {
    readonly header?: { readonly member_id: string }
    readonly leader?: string
  }
  if (status.header === undefined) return undefined
  return { member: status.header.member_id, leader: status.leader ?? '0' }
}
