// How fast are acknowledged durable increments on PostgreSQL, against a bare loop doing the same upserts?

import { findPostgres, startPostgres } from '@epicserver/conformance'
import { compare, type BenchDefinition, type Row } from '../harness.ts'
import { Probe } from '../probe.ts'
import { contenderFor, durableIncrementOf1000, durableIncrementOfOne } from '../workloads.ts'

export const bench: BenchDefinition = {
  name: 'state-on-postgres',
  question: 'How many acknowledged durable increments a second, on PostgreSQL?',
  async run(options) {
    const { programs, missing } = await findPostgres()
    if (programs === undefined) {
      options.skip('durable increments on PostgreSQL', missing)
      return []
    }
    // It waits for the disk, as one does that keeps what matters.
    const server = await startPostgres({ programs, isSynced: true })
    const start = (program: string): Promise<Probe> =>
      Probe.start(new URL(program, import.meta.url), [server.address])
    const probes: Probe[] = []
    try {
      const ours = await start('../epic/postgres-probe.js')
      probes.push(ours)
      const bare = await start('../baselines/postgres-upserts.js')
      probes.push(bare)
      const rows: Row[] = []
      for (const work of [durableIncrementOfOne, durableIncrementOf1000]) {
        options.note(work.name)
        const { name: label, unit } = work
        const subject = contenderFor(work, 'Epic Server', ours, options)
        const baseline = contenderFor(work, 'one upsert a statement', bare, options)
        rows.push(await compare({ case: `${label}, PostgreSQL`, unit, subject, baseline }, options))
      }
      return rows
    } finally {
      for (const probe of probes) await probe.stop()
      await server.stop()
    }
  },
}
