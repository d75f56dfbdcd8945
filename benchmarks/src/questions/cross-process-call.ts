// What does a call from a node to an entity of another process cost, against a bare batched loop over the same kind of stream? Over
// unix sockets, as between the processes of a machine; over tcp and TLS, as between machines, here on loopback.

import { type StreamKind } from '../baselines/bare-stream.ts'
import { compare, type BenchDefinition, type BenchOptions, type Row } from '../harness.ts'
import { Probe } from '../probe.ts'
import { contenderFor, oneRemoteCall, remoteCalls100, remoteCalls1000 } from '../workloads.ts'

export const bench: BenchDefinition = {
  name: 'cross-process-call',
  question: 'How many calls a second between entities of two processes?',
  async run(options) {
    const rows: Row[] = []
    for (const stream of ['unix', 'tcp', 'tls'] as const)
      rows.push(...(await measureOver(stream, options)))
    return rows
  },
}

async function measureOver(stream: StreamKind, options: BenchOptions): Promise<Row[]> {
  const start = (program: string): Promise<Probe> =>
    Probe.start(new URL(`../${program}.js`, import.meta.url), [stream])
  const [bare, probe] = await Promise.all([
    start('baselines/batched-socket'),
    start('epic/pair-probe'),
  ])
  try {
    const rows = []
    for (const work of [oneRemoteCall, remoteCalls100, remoteCalls1000]) {
      const name = stream === 'unix' ? work.name : `${work.name}, over ${stream}`
      options.note(name)
      rows.push(
        await compare(
          {
            case: name,
            unit: work.unit,
            subject: contenderFor(work, 'Epic Server', probe, options),
            baseline: contenderFor(
              work,
              `a bare batched msgpack loop over ${stream}`,
              bare,
              options,
            ),
          },
          options,
        ),
      )
    }
    return rows
  } finally {
    await Promise.all([bare.stop(), probe.stop()])
  }
}
