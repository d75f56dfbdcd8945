/** One simulated machine: its clocks and files, and the process that its supervisor keeps running. */
import { RESTART_MS } from './limits.ts'
import { HostClock } from './host-clock.ts'
import type { SeededRandom } from './seeded-random.ts'
import { SimulatedFiles } from './simulated-files.ts'
import { SimulatedProcess, type ProcessHost, type ProcessWorld } from './simulated-process.ts'

export class SimulatedHost implements ProcessHost {
  readonly name: string
  readonly clock: HostClock
  readonly files: SimulatedFiles
  readonly #world: ProcessWorld
  readonly #random: SeededRandom
  readonly #onEnd: (process: SimulatedProcess) => void
  #process: SimulatedProcess | null = null
  #starts = 0
  #isWanted = false

  constructor(
    world: ProcessWorld,
    name: string,
    random: SeededRandom,
    onEnd: (process: SimulatedProcess) => void,
  ) {
    this.name = name
    this.#world = world
    this.#random = random
    this.#onEnd = onEnd
    this.clock = new HostClock(world.time, random.between(0.95, 1.05), random.between(0, 1e6))
    this.files = new SimulatedFiles(() => this.clock.wallMs)
  }

  /** The process that runs, or is stopped; `null` while there is none. */
  get process(): SimulatedProcess | null {
    return this.#process
  }

  /** Whether its supervisor starts a process again that ended. */
  get isWanted(): boolean {
    return this.#isWanted
  }

  /** Starts a process, and keeps one running from now on. */
  start(): void {
    this.#isWanted = true
    if (this.#process !== null) return
    this.#starts += 1
    this.#process = new SimulatedProcess(this.#world, this, this.#starts, this.#random.fork())
    this.#process.start()
  }

  /** Ends the process as kill -9 does; its supervisor starts another unless `forGood`. */
  crash(why: string, { forGood = false }: { readonly forGood?: boolean } = {}): void {
    if (forGood) this.#isWanted = false
    this.#process?.crash(why)
  }

  /** SIGSTOP, or a suspended machine. */
  stop(how: 'stopped' | 'suspended'): void {
    this.#world.trace.add(this.name, how)
    this.clock.stop(how)
  }

  resume(): void {
    if (!this.clock.isStopped) return
    this.#world.trace.add(this.name, 'goes on')
    this.clock.resume()
  }

  /** Gives all partitions to others, as an operator may ask. */
  drain(): void {
    this.#ask((process) => void process.cluster.drain())
  }

  /** Ends `drain`. */
  activate(): void {
    this.#ask((process) => process.cluster.activate())
  }

  /** Stops the process in order; its supervisor starts another unless `forGood`. */
  leave({ forGood = false }: { readonly forGood?: boolean } = {}): void {
    if (forGood) this.#isWanted = false
    this.#ask((process) => void process.leave())
  }

  #ask(what: (process: SimulatedProcess) => void): void {
    const process = this.#process
    if (process !== null) process.receive('an operator', () => what(process))
  }

  handleEnd(process: SimulatedProcess): void {
    if (this.#process !== process) return
    this.#process = null
    if (this.#world.current === process) this.#world.current = null
    this.#attest(process)
    this.#onEnd(process)
    this.#world.time.after(this.#random.between(...RESTART_MS), () => {
      if (this.#isWanted && this.#process === null) this.start()
    })
  }

  /** A supervisor sees the end of its child at once; that of a lost machine nobody sees. */
  #attest(process: SimulatedProcess): void {
    const lease = process.cluster.member.nodeId
    if (lease !== undefined && this.#random.chance(0.5)) this.#world.engine.attestDeath(lease)
  }
}
