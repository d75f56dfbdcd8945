/**
 * Hosts of a small network on this machine: network namespaces, each with one cable (a veth pair) to one switch (a bridge).
 *
 * | harm               | how it is done                                    | what the host notices                           |
 * |--------------------|---------------------------------------------------|--------------------------------------------------|
 * | `cut(host)`        | the other end of its cable is out of the switch   | silence: its own link stays up                   |
 * | `deafen(from, to)` | `to` drops what comes from `from`                 | `from`: silence; it still hears `to`             |
 *
 * Nobody is told of anything: no reset, no error, as with a switch that failed or a machine without power. The network lies in a
 * namespace of its own and touches nothing else; `remove`, and the end of this process, take it away with all that runs in it.
 *
 * Addresses are IPv6, of the range for local use (fd00::/8), and known at once (`nodad`).
 */
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const SUBNET = 'fd45:7069:6300:'
/** Rules before the local table's: what is dropped must be dropped before it is found to be for us. */
const LOCAL_RULE = '100'
const DROP_RULE = '10'

/** A host, for who starts programs on it. */
export interface NetHost {
  readonly name: string
  readonly address: string
  /** Put before a command, runs it there. */
  readonly command: readonly [string, ...string[]]
}

/** Says why there can be no hosts here, if there cannot. */
export function whyNoHosts(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s'
  if (process.getuid?.() !== 0) return 'only root may make network namespaces'
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' })
    const probe = `epic-probe-${process.pid}`
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'del', probe], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'this machine lets nobody make network namespaces (or has no ip command)'
  }
}

export class NetHosts {
  readonly hosts: readonly NetHost[]
  readonly #lan: string
  readonly #removeAtExit = (): void => this.#removeNow()

  /** Makes so many hosts that reach each other. */
  static async create(count: number): Promise<NetHosts> {
    const net = new NetHosts(count)
    process.once('exit', net.#removeAtExit)
    await net.#build()
    return net
  }

  private constructor(count: number) {
    const prefix = `epic-${process.pid}`
    this.#lan = `${prefix}-lan`
    this.hosts = Array.from({ length: count }, (_, index) => ({
      name: `${prefix}-h${index + 1}`,
      address: `${SUBNET}:${index + 1}`,
      command: ['ip', 'netns', 'exec', `${prefix}-h${index + 1}`],
    }))
  }

  /** Nothing goes to or from the host any more. */
  async cut(host: NetHost): Promise<void> {
    await inNamespace(this.#lan, 'link', 'set', portOf(host), 'nomaster')
  }

  /** Undoes `cut`. */
  async mend(host: NetHost): Promise<void> {
    await inNamespace(this.#lan, 'link', 'set', portOf(host), 'master', 'lan0')
  }

  /** `to` hears nothing of `from` any more; the other way is open. */
  async deafen(from: NetHost, to: NetHost): Promise<void> {
    await ip(to, '-6', 'rule', 'add', 'pref', DROP_RULE, ...fromTo(from))
  }

  /** Undoes `deafen`. */
  async undeafen(from: NetHost, to: NetHost): Promise<void> {
    await ip(to, '-6', 'rule', 'del', 'pref', DROP_RULE, ...fromTo(from))
  }

  /** Ends whatever still runs on a host, at once. */
  async killAll(host: NetHost): Promise<void> {
    const { stdout } = await run('ip', ['netns', 'pids', host.name])
    for (const pid of stdout.split('\n').filter((line) => line !== '')) end(Number(pid))
  }

  /** Ends all that runs on the hosts, and takes the network away. */
  async remove(): Promise<void> {
    process.removeListener('exit', this.#removeAtExit)
    for (const host of this.hosts) await this.killAll(host)
    for (const name of this.#names) await run('ip', ['netns', 'del', name])
  }

  get #names(): string[] {
    return [...this.hosts.map(({ name }) => name), this.#lan]
  }

  async #build(): Promise<void> {
    await run('ip', ['netns', 'add', this.#lan])
    await inNamespace(this.#lan, 'link', 'add', 'lan0', 'type', 'bridge', 'stp_state', '0')
    await inNamespace(this.#lan, 'link', 'set', 'lan0', 'up')
    for (const host of this.hosts) await this.#connect(host)
  }

  async #connect(host: NetHost): Promise<void> {
    const port = portOf(host)
    await run('ip', ['netns', 'add', host.name])
    const pair = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', host.name]
    await run('ip', ['link', 'add', port, 'netns', this.#lan, ...pair])
    await inNamespace(this.#lan, 'link', 'set', port, 'master', 'lan0', 'up')
    await ip(host, 'link', 'set', 'lo', 'up')
    await ip(host, 'addr', 'add', `${host.address}/64`, 'dev', 'eth0', 'nodad')
    await ip(host, 'link', 'set', 'eth0', 'up')
    await ip(host, '-6', 'rule', 'add', 'pref', LOCAL_RULE, 'lookup', 'local')
    await ip(host, '-6', 'rule', 'del', 'pref', '0')
  }

  /** The same as `remove`, for a process that is about to end and can wait for nothing. */
  #removeNow(): void {
    for (const name of this.#names) {
      try {
        const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' })
        for (const pid of pids.split('\n').filter((line) => line !== '')) end(Number(pid))
        execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
      } catch {
        // It was never made, or is gone already.
      }
    }
  }
}

function portOf(host: NetHost): string {
  return host.name.slice(host.name.lastIndexOf('-') + 1)
}

function fromTo({ address }: NetHost): string[] {
  return ['from', address, 'iif', 'eth0', 'blackhole']
}

async function ip({ name }: NetHost, ...args: readonly string[]): Promise<void> {
  await inNamespace(name, ...args)
}

async function inNamespace(name: string, ...args: readonly string[]): Promise<void> {
  await run('ip', ['-n', name, ...args])
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself meanwhile.
  }
}
