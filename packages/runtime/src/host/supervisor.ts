/**
 * One machine's part of an app: starts a node process for each core over one data folder, and keeps them running.
 *
 * The supervisor holds the data folder, hosts the machine's cluster store, and is the one who knows for certain that a process has
 * died: it ends the dead node's lease at once, so that its entities answer elsewhere without waiting for the lease to run out.
 * A process that is frozen (it sends no sign of life for a whole lease, or has let its lease run out in silence) is killed, because a
 * frozen holder of a lock would stall others. Apart from that it runs no user code and takes no part in any call.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { EpicError } from '@epicserver/contracts'
import { leaseTtlProblem } from '@epicserver/fabric'
import type { Change } from '../cluster/operators.ts'
import type { Log, LogLevel } from '../log.ts'
import { checkApp } from './check-app.ts'
import { checkLabels, type ClusterSettings } from './cluster/cluster-settings.ts'
import { listenForControl } from './control-socket.ts'
import { endLeftBehind } from './left-behind.ts'
import { NodeChild, type ChildEvents } from './node-child.ts'
import { Patience } from './patience.ts'
import { runFolderFor } from './run-folder.ts'
import type { NodeFigures } from './node-figures.ts'
import type { Site, SiteStatus } from './site.ts'
import type {
  ControlAnswer,
  ControlRequest,
  NodeProcessConfig,
  PlainError,
} from './supervisor-messages.ts'

export interface SupervisorOptions {
  readonly appFile: string
  readonly dataFolder: string
  readonly processes: number
  readonly mode: 'development' | 'production'
  readonly logFormat: 'text' | 'json'
  readonly logLevel: LogLevel
  readonly leaseMs: number
  readonly log: Log
  /** What this machine's nodes carry, for entities that ask for it. */
  readonly labels?: readonly string[]
  /** How often nodes look whether entities should live elsewhere; 0 is never. */
  readonly balanceMs?: number
  /** Runs with other machines as one; alone when missing. */
  readonly cluster?: ClusterSettings
  /** Reads the cluster keys again, where they can have changed. */
  readonly readKeys?: () => Promise<readonly string[]>
}

/**
 * Longer than nodes wait for running operations, and enough to save half a million entities on a busy
 * machine; whoever is not done then never will be.
 */
const STOP_MS = 60_000
/** Nodes show a sign of life eight times a lease; one that missed two of them may be frozen. */
const LIVELY_LEASES = 0.3

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #site: Site
  readonly #runFolder: string
  readonly #clusterKey = randomBytes(32).toString('hex')
  readonly #children: NodeChild[]
  readonly #setupDone = deferred()
  readonly #serving = deferred()
  readonly #stopped = deferred()
  #control: { close(): void } | undefined
  #watchdog: NodeJS.Timeout | undefined
  #attesting: Promise<unknown> = Promise.resolve()
  #hasServed = false
  #problem: EpicError | undefined
  #stopping: Promise<void> | undefined
  #onExit: () => void = () => undefined
  #turn = 0
  readonly #patience = new Patience()

  private constructor(options: SupervisorOptions, site: Site, runFolder: string) {
    this.#options = options
    this.#site = site
    this.#runFolder = runFolder
    this.#children = Array.from(
      { length: options.processes },
      (_, slot) => new NodeChild(slot, this.#events),
    )
  }

  /**
   * Takes the data folder and starts all nodes.
   * @throws EpicError `AppNotFound`, `AppDoesNotCompile`, `SettingsInvalid`, `DataFolderInUse`, `DataFolderUnsafe`, `StoreNewer`
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    checkLabels(options.labels ?? [])
    // While the compiler, which is a process of its own, starts and checks the app.
    const siteModule = importSite(options)
    await checkApp(options.appFile)
    const runFolder = runFolderFor(options.dataFolder)
    const openSite = await siteModule
    const site = await openSite(runFolder)
    const dead = await endLeftBehind(runFolder, options.log)
    await rm(runFolder, { recursive: true, force: true })
    // Not `recursive`: a folder that appeared just now is somebody else's.
    await mkdir(runFolder, { mode: 0o700 })
    const supervisor = new Supervisor(options, site, runFolder)
    try {
      await supervisor.#begin(dead)
    } catch (error) {
      await supervisor.#stopAll()
      throw error
    }
    return supervisor
  }

  get children(): readonly NodeChild[] {
    return this.#children
  }

  /** Resolves when the first node takes calls; rejects when none ever will. */
  get serving(): Promise<void> {
    return this.#serving.promise
  }

  /** Resolves when `setup` has run. */
  get setupDone(): Promise<void> {
    return this.#setupDone.promise
  }

  /** Resolves when all has been stopped; rejects with what made it stop if nobody asked for it. */
  get stopped(): Promise<void> {
    return this.#stopped.promise
  }

  async #begin(dead: ReadonlySet<string>): Promise<void> {
    const { log, processes, leaseMs } = this.#options
    const { nodesMax } = this.#site
    if (processes > nodesMax)
      log.warn('some processes will have nothing to do: the data folder has fewer shards', {
        processes,
        shards: nodesMax,
      })
    const limits = await this.#site.begin({
      onLost: (error) => this.#giveUp(error),
      onLeaseEnd: (nodeId) => this.#handleLeaseEnd(nodeId),
    })
    const problem = leaseTtlProblem(leaseMs, limits)
    if (problem !== undefined)
      throw new EpicError('SettingsInvalid', `Cannot run the app: ${problem}`)
    await this.#site.attestDeathsAt(dead)
    this.#control = await listenForControl(`${this.#runFolder}/control.sock`, (request) =>
      this.#answer(request),
    )
    for (const child of this.#children) this.#start(child)
    this.#watchdog = setInterval(() => this.#killFrozen(), this.#options.leaseMs / 4)
  }

  /** Lets all nodes finish and save, then lets go of the data folder. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  /** Ends all nodes at once. */
  kill(): void {
    this.#stopping ??= this.#stopAll()
    for (const child of this.#children) child.kill()
  }

  async #stopAll(): Promise<void> {
    this.#patience.end()
    this.#control?.close()
    for (const child of this.#children) child.stop()
    const patience = setTimeout(() => this.#killAll('they did not stop in time'), STOP_MS)
    await this.#allDown()
    clearTimeout(patience)
    clearInterval(this.#watchdog)
    // Or other machines would wait for those leases to run out.
    await this.#attesting
    try {
      await this.#site.close()
      await rm(this.#runFolder, { recursive: true, force: true })
    } finally {
      if (this.#problem === undefined) this.#stopped.resolve()
      else this.#stopped.reject(this.#problem)
    }
  }

  #allDown(): Promise<void> {
    return new Promise((resolve) => {
      this.#onExit = () => {
        if (this.#children.every((child) => child.state === 'down')) resolve()
      }
      this.#onExit()
    })
  }

  #killAll(why: string): void {
    this.#options.log.warn('node processes are killed', { why })
    for (const child of this.#children) child.kill()
  }

  readonly #events: ChildEvents = {
    serving: (child) => {
      this.#options.log.info('node serves', {
        slot: child.slot,
        node: child.nodeId,
        pid: child.pid,
      })
      this.#hasServed = true
      this.#serving.resolve()
      this.#patience.handleChange()
    },
    setupDone: () => this.#setupDone.resolve(),
    setupFailed: (error) => this.#giveUp(error),
    failed: (child, error) => this.#handleFailure(child, error),
    exited: (child, how, nodeId) => this.#handleExit(child, how, nodeId),
  }

  #start(child: NodeChild): void {
    if (this.#stopping !== undefined) return
    child.start(this.#configFor(child.slot))
  }

  #configFor(slot: number): NodeProcessConfig {
    const { appFile, dataFolder, leaseMs, mode, logFormat, logLevel, balanceMs } = this.#options
    return {
      appFile,
      dataFolder,
      runFolder: this.#runFolder,
      ...this.#site.configFor(slot),
      slot,
      processes: this.#options.processes,
      leaseMs,
      mode,
      log: logFormat,
      logLevel,
      labels: this.#options.labels ?? [],
      ...(balanceMs !== undefined && { balanceMs }),
      clusterKey: this.#clusterKey,
    }
  }

  #handleExit(child: NodeChild, how: string, nodeId: string | undefined): void {
    if (nodeId !== undefined) this.#attestDeath(nodeId)
    this.#onExit()
    if (this.#stopping !== undefined) {
      if (how !== 'code 0') this.#problem ??= unsaved(child, how)
      return
    }
    const delay = child.restartDelay()
    this.#options.log.warn('a node process has ended and is started again', {
      slot: child.slot,
      node: nodeId,
      how,
      delayMs: delay,
    })
    setTimeout(() => this.#start(child), delay)
  }

  /** The process is gone for certain: its lease ends now, and its entities answer elsewhere. */
  #attestDeath(nodeId: string): void {
    const attested = this.#site.attestDeath(nodeId).then(
      () => this.#options.log.debug('a dead node’s lease has ended', { node: nodeId }),
      (error: unknown) =>
        this.#options.log.error('a dead node’s lease could not be ended before its time', {
          node: nodeId,
          error,
        }),
    )
    this.#attesting = Promise.all([this.#attesting, attested])
  }

  /** What no node could start with is the app's fault or the folder's; once one has served, those that live go on. */
  #handleFailure(child: NodeChild, error: PlainError): void {
    if (this.#hasServed)
      this.#options.log.error('a node cannot start', { slot: child.slot, error: error.message })
    else this.#giveUp(error)
  }

  #giveUp({ code, message, remedy }: PlainError): void {
    if (this.#stopping !== undefined) return
    const details = remedy === undefined ? {} : { remedy }
    this.#problem = new EpicError(code ?? 'AppThrew', message, { details })
    this.#serving.reject(this.#problem)
    void this.stop()
  }

  /** A frozen process may hold a lock, so whoever takes its entities over must not have to wait for it. */
  #killFrozen(): void {
    const now = performance.now()
    for (const child of this.#children) {
      if (child.silentMs(now) >= this.#options.leaseMs) this.#killSilent(child, now)
    }
  }

  /** Others take its entities over now. One that is awake ends by itself; one that is not may hold the lock that they need. */
  #handleLeaseEnd(nodeId: string): void {
    const now = performance.now()
    const child = this.#children.find((each) => each.nodeId === nodeId)
    if (child !== undefined && !this.#isLively(child, now)) this.#killSilent(child, now)
  }

  #killSilent(child: NodeChild, now: number): void {
    this.#options.log.warn('a node process shows no sign of life and is killed', {
      slot: child.slot,
      node: child.nodeId,
      silentMs: Math.round(child.silentMs(now)),
    })
    child.kill()
  }

  #isLively(child: NodeChild, now: number): boolean {
    return child.silentMs(now) < this.#options.leaseMs * LIVELY_LEASES
  }

  async #answer(request: ControlRequest): Promise<ControlAnswer> {
    switch (request.ask) {
      case 'call':
        // Without choosing one: each choice is the next one's turn, and half of them must not be lost.
        await this.#patience.until(() => this.#children.some(({ state }) => state === 'serving'))
        return await this.#anyServing().ask(request)
      case 'inspect':
        return await this.#inspect(request)
      case 'move':
        return await this.#anyServing().ask({ ...request, to: this.#nodeNamed(request.to) })
      case 'drain':
        return await this.#drain({ ...request, node: this.#nodeNamed(request.node) })
      case 'plan':
        return await this.#anyServing().ask({
          ...request,
          change: request.change && this.#named(request.change),
        })
      case 'cluster':
        return { ok: true, value: await this.#describeCluster() }
      case 'readKeys':
        return { ok: true, value: { keys: await this.#readKeys() } }
      case 'replace':
      case 'figures':
      case 'statements':
        return await this.#anyServing().ask(request)
      case 'ps':
      case 'status':
        return { ok: true, value: await this.#askAll(request) }
      default:
        throw new Error(
          `Cannot answer "${String((request as { readonly ask?: unknown } | undefined)?.ask)}": this version of the app does not know it`,
        )
    }
  }

  /** Exchanges the cluster keys in all processes, and says how many count. */
  async #readKeys(): Promise<number> {
    const keys = await this.#options.readKeys?.()
    if (keys === undefined || this.#site.replaceKeys === undefined) {
      throw new EpicError(
        'SettingsInvalid',
        'Cannot read the cluster key again: this app was started without --cluster-key-file',
      )
    }
    await this.#site.replaceKeys(keys)
    for (const child of this.#children) child.replaceKeys(keys)
    this.#options.log.info('the cluster key was read again', { accepted: keys.length })
    return keys.length
  }

  /** A number names the node that has this slot now. */
  #nodeNamed(name: string): string {
    const child = /^\d+$/.test(name) ? this.#children[Number(name)] : undefined
    return child?.nodeId ?? name
  }

  #named(change: Change): Change {
    return 'leaves' in change ? { leaves: this.#nodeNamed(change.leaves) } : change
  }

  /** Has a node give away what it has; one of this machine may start anew then. */
  async #drain(request: ControlRequest & { readonly ask: 'drain' }): Promise<ControlAnswer> {
    const child = this.#children.find(({ nodeId }) => nodeId === request.node)
    if (request.then === 'restart' && child === undefined) {
      throw new EpicError(
        'NotFound',
        `Cannot start node "${request.node}" anew: it is none of this machine's`,
        { details: { remedy: 'Ask on its own machine, or drain it without `--restart`.' } },
      )
    }
    if (child !== undefined) child.isDraining = request.then !== 'cancel'
    const answer = await this.#anyServing().ask(request)
    if (child !== undefined && !answer.ok) child.isDraining = false
    if (answer.ok && request.then === 'restart') child?.stop()
    return answer
  }

  /** What the store shows, and what the nodes of all machines say; those that cannot be asked say nothing. */
  async #describeCluster(): Promise<ClusterStatus> {
    const [status, figures] = await Promise.all([
      this.#site.status(),
      this.#anyServing().ask({ ask: 'figures' }),
    ])
    return { ...status, nodes: figures.ok ? (figures.value as NodeFigures[]) : [] }
  }

  /** One node after the other, so that calls from outside spread over all; not through one that may be frozen. */
  #anyServing(): NodeChild {
    const now = performance.now()
    const serving = this.#children.filter((child) => child.state === 'serving')
    const lively = serving.filter((child) => this.#isLively(child, now))
    const staying = lively.filter((child) => !child.isDraining)
    const choice = [staying, lively].find((each) => each.length > 0) ?? serving
    this.#turn += 1
    return choice[this.#turn % Math.max(1, choice.length)] ?? (this.#children[0] as NodeChild)
  }

  /** The nodes of this machine first, since they are asked without the network. */
  async #inspect(request: ControlRequest & { ask: 'inspect' }): Promise<ControlAnswer> {
    const answers = await Promise.all(
      this.#children
        .filter((child) => child.state === 'serving')
        .map((child) => child.ask(request)),
    )
    const found = answers.find((answer) => answer.ok && answer.value !== null)
    const refusal = answers.find((answer) => !answer.ok)
    return found ?? refusal ?? (await this.#anyServing().ask({ ...request, everywhere: true }))
  }

  async #askAll(request: ControlRequest): Promise<unknown[]> {
    return await Promise.all(
      this.#children.map(async (child) => {
        const answer = child.state === 'serving' ? await child.ask(request) : undefined
        const { slot, pid, nodeId, state, restarts } = child
        return {
          slot,
          pid,
          node: nodeId,
          state,
          restarts,
          answer: answer?.ok === true ? answer.value : null,
        }
      }),
    )
  }
}

function unsaved({ slot }: NodeChild, how: string): EpicError {
  return new EpicError(
    'NodeLost',
    `Cannot stop in good order: node process ${slot} ended with ${how} before it had saved everything; what was acknowledged is saved, what is saved now and then (everyMs, manual) may not be`,
  )
}

/** What is needed of stores and networks is loaded by whoever runs an app, and by no other command. */
async function importSite(
  options: SupervisorOptions,
): Promise<(runFolder: string) => Promise<Site>> {
  const { dataFolder, cluster: settings, processes: nodes, log } = options
  if (settings === undefined) {
    const { openMachine } = await import('./machine.ts')
    return (runFolder) => openMachine(dataFolder, runFolder)
  }
  const { openClusterSite } = await import('./cluster/cluster-site.ts')
  return (runFolder) => openClusterSite({ dataFolder, runFolder, settings, nodes, log })
}

/** What `epic status` shows. */
export interface ClusterStatus extends SiteStatus {
  readonly nodes: readonly NodeFigures[]
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** A promise that is settled from outside; nobody has to await it. */
function deferred(): Deferred {
  let resolve!: () => void
  let reject!: (error: unknown) => void
  const promise = new Promise<void>((succeed, fail) => {
    resolve = succeed
    reject = fail
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
