/**
 * Node processes of a supervisor that was killed: sees to it that they have ended, so that the one that is started in its place need not
 * wait for their leases.
 *
 * They end by themselves when they notice, within milliseconds; one that is frozen does not, and may hold a lock for ever, so it is
 * killed. The sign of life is the socket on which a node listens: the system closes it with the process, and with nothing less,
 * so a refused connection is a certain death. The process id is in the socket's name, and belongs to a node for as long as the socket
 * is listened on; that it is one of ours is looked up all the same before anything is killed.
 */
import { readdir, readFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { Log } from '../log.ts'

const NODE_SOCKET = /^node-\d+-(\d+)\.sock$/
const PATIENCE_MS = 500
const LOOK_EVERY_MS = 10

export function nodeSocketPath(runFolder: string, slot: number, pid: number): string {
  return join(runFolder, `node-${slot}-${pid}.sock`)
}

/** Returns the addresses of those that have certainly ended. */
export async function endLeftBehind(runFolder: string, log: Log): Promise<ReadonlySet<string>> {
  const names = await readdir(runFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const ended = new Set<string>()
  await Promise.all(
    names.map(async (name) => {
      const pid = NODE_SOCKET.exec(name)?.[1]
      if (pid === undefined) return
      const path = join(runFolder, name)
      if (await endOne(path, Number(pid), log)) ended.add(path)
    }),
  )
  return ended
}

async function endOne(path: string, pid: number, log: Log): Promise<boolean> {
  if (await isSilentSoon(path)) return true
  if (!(await isNodeProcess(pid))) return false
  log.warn('a node process outlived its supervisor and is killed', { pid })
  process.kill(pid, 'SIGKILL')
  return await isSilentSoon(path)
}

async function isSilentSoon(path: string): Promise<boolean> {
  for (let waitedMs = 0; waitedMs <= PATIENCE_MS; waitedMs += LOOK_EVERY_MS) {
    if (!(await isListening(path))) return true
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS)
    })
  }
  return false
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Only a refusal says that nobody is there; whatever else went wrong says nothing.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'))
  })
}

async function isNodeProcess(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.includes('/host/node-process.js')
}
