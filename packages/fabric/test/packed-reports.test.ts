import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isPeerMessage, packReports, unpackReports } from '@epicserver/fabric'
import type { LiveReport, PeerMessage } from '@epicserver/fabric'

const reports = Array.from({ length: 1_001 }, (_, i): LiveReport => {
  const state = i % 2 === 0 ? 'live' : 'moving'
  return { key: `P/${i}\n"`, partition: i, epoch: 2n ** 40n + BigInt(i), state }
})

function installed(live: readonly LiveReport[]): PeerMessage {
  return { kind: 'installed', viewNo: 3, since: 1, installed: 3, live }
}

describe('packed reports', () => {
  it('are one text where there are many, and come back as they were', () => {
    const packed = packReports(installed(reports)) as { live: unknown }
    assert.equal(typeof packed.live, 'string')
    assert.deepEqual(unpackReports(packed), installed(reports))
  })

  it('are not packed where there are few, nor is any other message', () => {
    const few = installed(reports.slice(0, 1_000))
    const ask: PeerMessage = { kind: 'askInstalled', viewNo: 3, since: 1 }
    assert.equal(packReports(few), few)
    assert.equal(packReports(ask), ask)
    assert.equal(unpackReports(few), few)
  })

  it('of a stranger are no message when they are of another form', () => {
    for (const live of [
      '',
      '{',
      '1',
      '[1]',
      '[[]]',
      '[["P/1",0,"x","live"]]',
      '[["P/1",0,"1","no"]]',
    ])
      assert.equal(isPeerMessage(unpackReports({ ...installed([]), live })), false, live)
    for (const value of [null, 1, 'installed', []]) assert.equal(unpackReports(value), value)
  })
})
