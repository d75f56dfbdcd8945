/**
 * The main program of one node process, started by the supervisor.
 *
 * It ends by itself when the supervisor is gone (nobody would restart it or attest its death), when its lease is over (another
 * node has its entities), and after an exception that nobody caught (its memory may be wrong). A rejected promise that nobody
 * awaits is logged with the entity it belongs to; it ends nothing, because one entity's mistake is not its neighbours'.
 */
import type { FenceReason } from '@epicserver/fabric'
import type { ClusterNode } from '../cluster-node.ts'
import { createLog, jsonLogSink, leveledSink, textLogSink, type Log } from '../log.ts'
import type { EntityNode } from '../node.ts'
import { answer, plainError } from './control-answers.ts'
import { startNode } from './start-node.ts'
import { runSetup } from './run-setup.ts'
import type { FromNode, NodeProcessConfig, ToNode } from './supervisor-messages.ts'

const EXIT_CANNOT_START = 78
const EXIT_FENCED = 75
const EXIT_UNCAUGHT = 70
const EXIT_ORPHANED = 69

let cluster: ClusterNode | undefined
let node: EntityNode | undefined

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
  process.on('unhandledRejection', (error) => log.error('a promise was rejected and nobody awaits it', { error }))
  process.on('uncaughtException', (error) => {
    log.error('an exception was not caught; this node ends', { error })
    process.exit(EXIT_UNCAUGHT)
  })
  setInterval(() => tell({ kind: 'beat' }), config.leaseMs / 8)
  try {
    const onFenced = (reason: FenceReason): void => {
      if (reason !== 'left') process.exit(EXIT_FENCED)
    }
    const started = await startNode({ config, log, onFenced })
    cluster = started.cluster
    node = started.node
    tell({ kind: 'joined', nodeId: node.nodeId })
    await started.app.setupNode?.(node.pool, { nodeId: node.nodeId, labels: [] })
    tell({ kind: 'serving' })
    if (await runSetup(started)) tell({ kind: 'setupDone' })
  } catch (error) {
    log.error('this node cannot start', { error })
    tell({ kind: 'failed', error: plainError(error) })
    process.exitCode = EXIT_CANNOT_START
    process.disconnect()
  }
}

async function stop(): Promise<void> {
  await cluster?.stop()
  process.exit(0)
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
    case 'ask':
      if (node !== undefined) void answer(node, message.request).then((answered) => tell({ kind: 'answer', id: message.id, answer: answered }))
      break
  }
})
process.on('disconnect', () => process.exit(process.exitCode ?? EXIT_ORPHANED))
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
