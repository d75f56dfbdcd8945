/** `epic run`: a supervisor with its nodes, until it is told to stop. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import {
  CLUSTER_LEASE_MS,
  createLog,
  endAtOnce,
  jsonLogSink,
  leveledSink,
  Supervisor,
  textLogSink,
  type Log,
  type LogLevel,
} from '@epicserver/runtime/host'
import { readClusterKeys, readClusterSettings, type ClusterOptions } from '../cluster-options.ts'
import { printJson, printLine } from '../output.ts'

export interface RunOptions extends ClusterOptions {
  readonly processes?: number
  readonly data: string
  readonly leaseMs?: number
  readonly balanceMs?: number
  readonly production?: boolean
  readonly logLevel: LogLevel
  readonly exitAfterSetup?: boolean
  readonly json?: boolean
}

/** Short where the supervisor sees each death; it only tells the frozen from the living. */
const LEASE_MS = 2_000

export async function runCommand(appFile: string, options: RunOptions): Promise<void> {
  const isJson = options.json === true
  const { clusterKeyFile } = options
  const processes = options.processes ?? availableParallelism()
  const isProduction = options.production === true || process.env['NODE_ENV'] === 'production'
  const log = logFor(isJson, options.logLevel)
  const dataFolder = resolve(options.data)
  const cluster = await readClusterSettings(appFile, options, log)
  const supervisor = await Supervisor.start({
    appFile: resolve(appFile),
    dataFolder,
    processes,
    mode: isProduction ? 'production' : 'development',
    logFormat: isJson ? 'json' : 'text',
    leaseMs: options.leaseMs ?? (cluster === undefined ? LEASE_MS : CLUSTER_LEASE_MS),
    logLevel: options.logLevel,
    log,
    labels: options.labels ?? [],
    ...(options.balanceMs !== undefined && { balanceMs: options.balanceMs }),
    ...(cluster !== undefined && { cluster }),
    ...(clusterKeyFile !== undefined && { readKeys: () => readClusterKeys(clusterKeyFile) }),
  })
  stopOnSignals(supervisor, log)
  const facts = {
    app: appFile,
    processes,
    data: dataFolder,
    mode: isProduction ? 'production' : 'development',
    ...(cluster !== undefined && { cluster: cluster.name, listen: cluster.listen }),
  }
  if (isJson) printJson({ started: facts })
  else
    printLine(
      `Epic Server runs ${appFile} on ${processes} ${processes === 1 ? 'process' : 'processes'}; its data lies in ${dataFolder}`,
    )
  await supervisor.serving
  if (isJson) printJson({ serving: facts })
  if (options.exitAfterSetup === true) {
    await Promise.race([supervisor.setupDone, supervisor.stopped])
    await supervisor.stop()
  } else if (!isJson) {
    void supervisor.setupDone.then(() =>
      printLine('It takes calls until Ctrl-C; npx epic ps, in another terminal, shows what lives.'),
    )
  }
  await supervisor.stopped
  if (isJson) printJson({ stopped: facts })
  else if (options.exitAfterSetup === true)
    printLine('Setup has run and everything is saved; stopped.')
  else printLine('Everything is saved; stopped.')
}

/** The first signal stops in good order, the second at once. */
function stopOnSignals(supervisor: Supervisor, log: Log): void {
  let isStopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) {
      log.warn('told to stop again: ending at once', { signal })
      supervisor.kill()
      endAtOnce()
    }
    isStopping = true
    log.info('stopping: running operations end and everything is saved', { signal })
    void supervisor.stop() // how it ended is told by `stopped`
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

function logFor(isJson: boolean, level: LogLevel): Log {
  const write = (line: string): void => void process.stderr.write(line)
  const now = (): Date => new Date()
  return createLog(leveledSink(isJson ? jsonLogSink(write, now) : textLogSink(write, now), level))
}
