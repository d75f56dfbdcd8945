/**
 * Erlang/OTP: gen_server calls inside one node and between two nodes on loopback, and increments in
 * a dets table that is synced before the answer.
 *
 * The nodes find each other through a port mapper of their own, started here on loopback, because
 * the one that `erl` would start by itself stays behind as a daemon on all interfaces.
 */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Measured } from '../closed-loop.ts'
import { type Measurable, type WorkKind } from '../workloads.ts'
import { findFreePort, ForeignProgram } from './foreign-program.ts'
import { peersFolder } from './installation.ts'
import { type Peer, type RunningPeer } from './peer.ts'

export const erlang: Peer = { name: 'Erlang/OTP', start: startErlang }

async function startErlang(folder: string): Promise<RunningPeer> {
  compile(folder)
  const port = String(await findFreePort())
  const cookie = randomBytes(16).toString('hex')
  const startNode = (name: string, role: string, argument: string): Promise<ForeignProgram> =>
    ForeignProgram.start('erl', nodeArgs(name, role, argument), {
      cwd: folder,
      env: { ERL_EPMD_PORT: port, ERL_FLAGS: `-setcookie ${cookie}` },
    })

  const programs = [await ForeignProgram.start('epmd', ['-address', '127.0.0.1', '-port', port])]
  const stop = async (): Promise<void> => {
    await Promise.all(programs.map((program) => program.stop()))
  }
  try {
    const server = await startNode('server@127.0.0.1', 'serve', folder)
    programs.push(server)
    await server.ask()
    const load = await startNode('load@127.0.0.1', 'load', 'server@127.0.0.1')
    programs.push(load)
    const [, release] = (await load.ask()).split(' ')
    return {
      name: `Erlang/OTP ${release}`,
      can: {
        local: measurableFor('local', load),
        remote: measurableFor('remote', load),
        durable: measurableFor('durable', load),
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function compile(folder: string): void {
  const source = fileURLToPath(new URL('erlang/counter.erl', peersFolder))
  try {
    execFileSync('erlc', ['-o', folder, source], { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error('"erlc" is not on the path (Debian: erlang-base)', { cause: error })
  }
}

function nodeArgs(name: string, role: string, argument: string): string[] {
  return [
    ...['-noshell', '-name', name, '-start_epmd', 'false'],
    ...['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'],
    ...['-s', 'counter', role, '-extra', argument],
  ]
}

function measurableFor(kind: WorkKind, load: ForeignProgram): Measurable {
  return {
    async measure({ inFlight, targets, durationMs }): Promise<Measured> {
      const answer = await load.ask(`${kind} ${inFlight} ${targets} ${durationMs}`)
      const [, operations, microseconds] = answer.split(' ').map(Number)
      return { operations: operations ?? 0, elapsedMs: (microseconds ?? 0) / 1000 }
    },
  }
}
