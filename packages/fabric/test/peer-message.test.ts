import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isPeerMessage } from '@epicserver/fabric'
import type { PeerMessage } from '@epicserver/fabric'

const about = { viewNo: 1, term: 1, key: 'P/1', partition: 0 }
const load = { cpu: 0, bytes: 0, messages: 0, entities: 0 }

/** One message of each kind. */
const MESSAGES: readonly PeerMessage[] = [
  {
    kind: 'installed',
    viewNo: 1,
    since: 0,
    installed: 1,
    live: [{ key: 'P/1', partition: 0, epoch: 1n, state: 'live' }],
  },
  { kind: 'askInstalled', viewNo: 1, since: 0 },
  { ...about, kind: 'askGrant', nonce: 1 },
  { ...about, kind: 'grant', nonce: 1, epoch: 1n },
  { ...about, kind: 'refuse', nonce: 1, host: 'a', epoch: 1n },
  { ...about, kind: 'released', epoch: 1n },
  { ...about, kind: 'prepareMove', epoch: 1n, target: 'a' },
  { ...about, kind: 'movePrepared', sourceEpoch: 1n, epoch: 2n },
  { ...about, kind: 'moveRefused', sourceEpoch: 1n },
  { ...about, kind: 'transfer', sourceEpoch: 1n, epoch: 2n, payload: new Uint8Array() },
  { ...about, kind: 'transferFailed', sourceEpoch: 1n },
  { ...about, kind: 'commitMove', epoch: 2n, nonce: 1 },
  { ...about, kind: 'abortMove', epoch: 1n },
  { ...about, kind: 'moveCommitted', sourceEpoch: 1n, epoch: 2n, host: 'a', nonce: 3 },
  { ...about, kind: 'moveAborted', sourceEpoch: 1n, epoch: 2n },
  { kind: 'load', viewNo: 1, load },
  { kind: 'loads', viewNo: 1, loads: [['a', load]] },
]

describe('peer message', () => {
  it('of each kind is one', () => {
    for (const message of MESSAGES) assert.equal(isPeerMessage(message), true, message.kind)
  })

  it('without one of its fields, or with another kind of value in it, is none', () => {
    for (const message of MESSAGES) {
      for (const field of Object.keys(message)) {
        if (field === 'payload') continue
        for (const value of [undefined, null, -1, Number.NaN, {}]) {
          const broken = { ...message, [field]: value }
          assert.equal(
            isPeerMessage(broken),
            false,
            `${message.kind}.${field} = ${JSON.stringify(value) ?? 'undefined'}`,
          )
        }
      }
    }
  })

  it('is never named by what every object has', () => {
    for (const kind of ['constructor', 'toString', '__proto__', 'hasOwnProperty', '']) {
      assert.equal(isPeerMessage({ ...about, kind }), false)
    }
  })

  it('is told from any other value without throwing', () => {
    fc.assert(fc.property(fc.anything({ withBigInt: true }), (value) => !isPeerMessage(value)))
  })
})
