/**
 * One machine's part of an app: starts a node process for each core over one data folder, and keeps them running.
 *
 * The supervisor holds the data folder, hosts the machine's cluster store, and is the one who knows for certain that a process has
 * died: it ends the dead node's lease at once, so that its entities answer elsewhere without waiting for the lease to run out.
 * A process that is frozen (it sends no sign of life for a whole lease) is killed, because a frozen holder of a lock would stall
 * others. Apart from that it runs no user code and takes no part in any call.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { EpicError } from '@epicserver/contracts'
import type { Log, LogLevel } from '../log.ts'
import { openMachine, type Machine } from './machine.ts'
import { listenForControl } from './control-socket.ts'
import { checkApp } from './load-app.ts'
import { NodeChild, type ChildEvents } from './node-child.ts'
import { runFolderFor } from './run-folder.ts'
import type { ControlAnswer, ControlRequest, NodeProcessConfig, PlainError } from './supervisor-messages.ts'

export interface SupervisorOptions {
  readonly appFile: string
  readonly dataFolder: string
  readonly processes: number
  readonly mode: 'development' | 'production'
  readonly logFormat: 'text' | 'json'
  readonly logLevel: LogLevel
  readonly leaseMs: number
  readonly log: Log
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #machine: Machine
  readonly #runFolder: string
  readonly #clusterKey = randomBytes(32).toString('hex')
  readonly #children: NodeChild[]
  #control: { close(): void } | undefined
  #watchdog: NodeJS.Timeout | undefined
  #isStopping = false
  #turn = 0
  #resolveSetup!: () => void
  #resolveServing!: () => void
  #rejectStart!: (error: unknown) => void
  /** Resolves when `setup` has run. */
  readonly setupDone: Promise<void>
  /** Resolves when the first node takes calls; rejects when none ever will. */
  readonly serving: Promise<void>

  private constructor(options: SupervisorOptions, machine: Machine, runFolder: string) {
    this.#options = options
    this.#machine = machine
    this.#runFolder = runFolder
    this.setupDone = new Promise((resolve) => {
      this.#resolveSetup = resolve
    })
    this.serving = new Promise((resolve, reject) => {
      this.#resolveServing = resolve
      this.#rejectStart = reject
    })
    this.#children = Array.from({ length: options.processes }, (_, slot) => new NodeChild(slot, this.#events))
  }

  /**
   * Takes the data folder and starts all nodes.
   * @throws EpicError `AppNotFound`, `AppDoesNotCompile`, `DataFolderInUse`, `DataFolderUnsafe`, `StoreNewer`
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    await checkApp(options.appFile)
    const runFolder = runFolderFor(options.dataFolder)
    const machine = await openMachine(options.dataFolder)
    await rm(runFolder, { recursive: true, force: true })
    // Not `recursive`: a folder that appeared just now is somebody else's.
    await mkdir(runFolder, { mode: 0o700 })
    const supervisor = new Supervisor(options, machine, runFolder)
    await supervisor.#begin()
    return supervisor
  }

  get children(): readonly NodeChild[] {
    return this.#children
  }

  async #begin(): Promise<void> {
    const { log, processes } = this.#options
    const { shardCount } = this.#machine
    if (processes > shardCount) log.warn('some processes will have nothing to do: the data folder has fewer shards', { processes, shards: shardCount })
    await this.#machine.serve(`${this.#runFolder}/cluster.sock`)
    this.#control = await listenForControl(`${this.#runFolder}/control.sock`, (request) => this.#answer(request))
    for (const child of this.#children) this.#start(child)
    this.#watchdog = setInterval(() => this.#killFrozen(), this.#options.leaseMs / 4)
  }

  /** Lets all nodes finish and save, then lets go of the data folder. */
  async stop(): Promise<void> {
    if (this.#isStopping) return
    this.#isStopping = true
    clearInterval(this.#watchdog)
    this.#control?.close()
    for (const child of this.#children) child.stop()
    await this.#allDown
    await this.#machine.close()
    await rm(this.#runFolder, { recursive: true, force: true })
  }

  /** Ends all nodes at once. */
  kill(): void {
    this.#isStopping = true
    for (const child of this.#children) child.kill()
  }

  get #allDown(): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#children.every((child) => child.state === 'down')) resolve()
      }
      this.#onExit = check
      check()
    })
  }

  #onExit: () => void = () => undefined

  readonly #events: ChildEvents = {
    joined: () => undefined,
    serving: (child) => {
      this.#options.log.info('node serves', { slot: child.slot, node: child.nodeId, pid: child.pid })
      this.#resolveServing()
    },
    setupDone: () => this.#resolveSetup(),
    failed: (child, error) => this.#fail(child, error),
    exited: (child, how) => this.#handleExit(child, how),
  }

  #start(child: NodeChild): void {
    if (this.#isStopping) return
    child.start(this.#configFor(child.slot))
  }

  #configFor(slot: number): NodeProcessConfig {
    const { appFile, dataFolder, leaseMs, mode, logFormat, logLevel } = this.#options
    const authority = `${this.#runFolder}/cluster.sock`
    return { appFile, dataFolder, runFolder: this.#runFolder, authority, slot, processes: this.#options.processes, leaseMs, mode, log: logFormat, logLevel, clusterKey: this.#clusterKey }
  }

  /** The process is gone for certain: its lease ends now, and its entities answer elsewhere. */
  #handleExit(child: NodeChild, how: string): void {
    const { nodeId } = child
    if (nodeId !== undefined) {
      this.#machine.attestDeath(nodeId).then(
        () => this.#options.log.debug('a dead node’s lease has ended', { node: nodeId }),
        (error: unknown) => this.#options.log.error('a dead node’s lease could not be ended', { error }),
      )
    }
    this.#onExit()
    if (this.#isStopping) return
    const delay = child.restartDelay()
    this.#options.log.warn('a node process has ended and is started again', { slot: child.slot, node: nodeId, how, delayMs: delay })
    setTimeout(() => this.#start(child), delay)
  }

  #fail(child: NodeChild, error: PlainError): void {
    this.#options.log.error('a node cannot start', { slot: child.slot, error: error.message })
    this.#rejectStart(new EpicError(error.code ?? 'AppThrew', error.message))
    void this.stop()
  }

  #killFrozen(): void {
    const now = performance.now()
    for (const child of this.#children) {
      if (child.state !== 'serving' || now - child.beatAt < this.#options.leaseMs) continue
      this.#options.log.warn('a node process shows no sign of life and is killed', { slot: child.slot, node: child.nodeId, silentMs: Math.round(now - child.beatAt) })
      child.kill()
    }
  }

  // ── What the command line asks ─────────────────────────────────────────────────────────────────────────────────────────

  async #answer(request: ControlRequest): Promise<ControlAnswer> {
    switch (request.ask) {
      case 'call':
        return await this.#anyServing().ask(request)
      case 'inspect':
        return await this.#inspect(request)
      case 'ps':
      case 'status':
        return { ok: true, value: await this.#askAll(request) }
      default:
        throw new Error(`Cannot answer "${String((request as { readonly ask?: unknown } | undefined)?.ask)}": this version of the app does not know it`)
    }
  }

  /** One node after the other, so that calls from outside spread over all. */
  #anyServing(): NodeChild {
    const serving = this.#children.filter((child) => child.state === 'serving')
    this.#turn += 1
    return serving[this.#turn % Math.max(1, serving.length)] ?? (this.#children[0] as NodeChild)
  }

  async #inspect(request: ControlRequest): Promise<ControlAnswer> {
    const answers = await Promise.all(this.#children.filter((child) => child.state === 'serving').map((child) => child.ask(request)))
    return answers.find((answer) => !answer.ok || answer.value !== null) ?? { ok: true, value: null }
  }

  async #askAll(request: ControlRequest): Promise<unknown[]> {
    return await Promise.all(
      this.#children.map(async (child) => {
        const answer = child.state === 'serving' ? await child.ask(request) : undefined
        const { slot, pid, nodeId, state, restarts } = child
        return { slot, pid, node: nodeId, state, restarts, answer: answer?.ok === true ? answer.value : null }
      }),
    )
  }
}
