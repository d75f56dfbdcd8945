import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Load } from '@epicserver/fabric'
import { Entity, settings } from '@epicserver/runtime'
import { LoadMeter } from '#src/placement/load-meter.ts'
import { rig, type Rig } from '../rig.ts'

class Worker extends Entity {
  static override settings = settings<Worker>({ persistent: false })
  async work(): Promise<void> {}
}

interface Metered extends Rig<{ Worker: typeof Worker }> {
  readonly meter: LoadMeter
  /** What has been counted so far. */
  readonly counted: { cpuMs: number; messages: number }
  readonly reports: Load[]
}

/** A node that is measured once a second. */
function metered({ isCpuCounted }: { isCpuCounted: boolean }): Metered {
  const made = rig({ Worker })
  const counted = { cpuMs: 500, messages: 1_000 }
  const reports: Load[] = []
  const meter = new LoadMeter({
    node: made.node,
    messages: () => counted.messages,
    cpuMs: isCpuCounted ? () => counted.cpuMs : undefined,
    everyMs: 1_000,
    report: (load) => void reports.push(load),
  })
  meter.start()
  return { ...made, meter, counted, reports }
}

describe('load meter', () => {
  it('knows nothing before it has measured', () => {
    assert.equal(metered({ isCpuCounted: true }).meter.load, undefined)
  })

  it('reports what was added since the last look, a second', async () => {
    const { clock, counted, meter, reports } = metered({ isCpuCounted: true })
    counted.cpuMs += 250
    counted.messages += 40
    await clock.advance(1_000)
    assert.deepEqual(reports, [{ cpu: 0.25, messages: 40, bytes: 0, entities: 0 }])
    assert.equal(meter.load, reports[0])
  })

  it('divides by the time that has really passed where it is late', async () => {
    const { clock, counted, reports } = metered({ isCpuCounted: true })
    counted.messages += 40
    clock.hold(2_000)
    await clock.advance(0)
    assert.equal(reports[0]?.messages, 20)
  })

  it('lets a change in by three tenths at a time, up and down', async () => {
    const { clock, counted, reports } = metered({ isCpuCounted: true })
    await clock.advance(1_000)
    counted.messages += 100
    await clock.advance(2_000)
    const seen = reports.map(({ messages }) => Math.round(messages * 100) / 100)
    assert.deepEqual(seen, [0, 30, 21])
  })

  it('counts the entities that are in memory, and their bytes', async () => {
    const { clock, node, pool, reports } = metered({ isCpuCounted: true })
    await Promise.all([pool.Worker['a']!.work(), pool.Worker['b']!.work()])
    await clock.advance(1_000)
    assert.equal(reports[0]?.entities, 2)
    assert.equal(reports[0].bytes, node.kernel.counts.activationBytes)
    assert.ok(reports[0].bytes > 0)
  })

  it('says no processor time where nobody counts it', async () => {
    const { clock, counted, reports } = metered({ isCpuCounted: false })
    counted.cpuMs += 900
    await clock.advance(1_000)
    assert.equal(reports[0]?.cpu, 0)
  })

  it('looks no more once it is stopped', async () => {
    const { clock, meter, reports } = metered({ isCpuCounted: true })
    await clock.advance(1_000)
    meter.stop()
    await clock.advance(10_000)
    assert.equal(reports.length, 1)
  })
})
