/**
 * The main program of one node process, started by the supervisor.
 *
 * It ends by itself when the supervisor is gone (nobody would restart it or attest its death), when its lease is over (another
 * node has its entities), when it cannot open a store that it was given, and after an exception that nobody caught (its memory
 * may be wrong). A rejected promise that nobody awaits is logged with the line that threw; it ends nothing, because one entity's
 * mistake is not its neighbours'.
 */
import type { FenceReason } from '@epicserver/fabric'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { createLog, jsonLogSink, leveledSink, textLogSink, type Log } from '../log.ts'
import { answer } from './control-answers.ts'
import { appThrew } from './describe-thrown.ts'
import { endAtOnce } from './end-at-once.ts'
import { giveAway } from './give-away.ts'
import { plainError } from './plain-error.ts'
import { runSetup } from './run-setup.ts'
import { startNode, type StartedNode } from './start-node.ts'
import type { FromNode, NodeProcessConfig, ToNode } from './supervisor-messages.ts'

const EXIT_CANNOT_START = 78
const EXIT_FENCED = 75
const EXIT_UNCAUGHT = 70
const EXIT_BROKEN_STORE = 74
/** One request to the cluster's store; a supervisor that is started anew waits no longer for its processes to end. */
const GOODBYE_MS = 400

let cluster: ClusterNode | undefined
let serving: StartedNode | undefined
let isStopping = false
/** Cluster keys that were exchanged since the start. */
let newKeys: readonly string[] | undefined

function tell(message: FromNode): void {
  if (process.connected) process.send?.(message)
}

function logFor(config: NodeProcessConfig): Log {
  const write = (line: string): void => void process.stderr.write(line)
  const now = (): Date => new Date()
  const sink = config.log === 'json' ? jsonLogSink(write, now) : textLogSink(write, now)
  return createLog(leveledSink(sink, config.logLevel), { slot: config.slot })
}

async function start(config: NodeProcessConfig): Promise<void> {
  const log = logFor(config)
  process.on('unhandledRejection', (error) =>
    log.error('a promise was rejected and nobody awaits it', { error }),
  )
  process.on('uncaughtException', (error) => {
    log.error('an exception was not caught; this node ends', { error })
    leave(EXIT_UNCAUGHT)
  })
  setInterval(() => tell({ kind: 'beat' }), config.leaseMs / 8)
  process.setSourceMapsEnabled(true)
  try {
    const onLeased = (nodeId: string): void => tell({ kind: 'leased', nodeId })
    const onFenced = (reason: FenceReason): void => {
      if (!isStopping) leave(reason === 'left' ? EXIT_BROKEN_STORE : EXIT_FENCED)
    }
    const started = await startNode({ config, log, onLeased, onFenced })
    cluster = started.cluster
    serving = started
    if (newKeys !== undefined) started.site.replaceKeys?.(newKeys)
    await setUpNode(started)
    tell({ kind: 'serving' })
    await setUp(started)
  } catch (error) {
    log.debug('this node cannot start', { error })
    tell({ kind: 'failed', error: plainError(error) })
    end(EXIT_CANNOT_START)
  }
}

async function setUpNode({ app, site, node: { pool, nodeId } }: StartedNode): Promise<void> {
  try {
    await app.setupNode?.(pool, { nodeId, labels: site.labels })
  } catch (cause) {
    throw appThrew("Cannot start a node: the app's setupNode failed with", cause)
  }
}

async function setUp(started: StartedNode): Promise<void> {
  try {
    await runSetup(started)
    tell({ kind: 'setupDone' })
  } catch (cause) {
    tell({ kind: 'setupFailed', error: plainError(appThrew("The app's setup failed with", cause)) })
  }
}

async function stop(): Promise<void> {
  isStopping = true
  // The processes of one machine alone stop together: there is nobody to give anything to.
  if (serving?.isInCluster === true) await giveAway(serving.cluster)
  await cluster?.stop()
  end(0)
}

/** Ends when all that was told has left. */
function end(code: number): void {
  if (process.connected) process.send?.({ kind: 'ends', code } satisfies FromNode, endAtOnce)
  else endAtOnce()
}

/** Ends before anything else happens here; the supervisor learns why if it can be told without waiting. */
function leave(code: number): never {
  tell({ kind: 'ends', code })
  return endAtOnce()
}

/**
 * The supervisor is gone, and with it who would attest this node's death. Where the cluster's store outlives it, the node stops and then
 * gives its lease back itself, so that nobody has to wait for it.
 */
async function endOrphaned(): Promise<void> {
  if (serving?.site.partitions.isShared === true) {
    setTimeout(endAtOnce, GOODBYE_MS)
    cluster?.kill()
    const { clusterStore, node } = serving
    // What cannot be given back runs out.
    await clusterStore.revoke(node.nodeId).catch(() => undefined)
  }
  endAtOnce()
}

process.on('message', (message: ToNode) => {
  switch (message.kind) {
    case 'start':
      void start(message.config)
      break
    case 'stop':
      void stop()
      break
    case 'drain':
      void cluster?.drain()
      break
    case 'keys':
      newKeys = message.keys
      serving?.site.replaceKeys?.(message.keys)
      break
    case 'ask':
      if (serving !== undefined)
        void answer(serving, message.request).then((answered) =>
          tell({ kind: 'answer', id: message.id, answer: answered }),
        )
      break
  }
})
process.on('disconnect', () => void endOrphaned())
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
