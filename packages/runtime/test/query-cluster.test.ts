/** Queries over the entities of several nodes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError, type Scan, type ScanPage, type StateStore } from '@epicserver/contracts'
import { Entity } from '@epicserver/runtime'
import { pairRig } from './pair-rig.ts'
import { quiet } from './rig.ts'

class Player extends Entity {
  score = 0
  async win(): Promise<void> {
    this.score += 1
  }
}

/** A store whose scans outlast the tick in which they were asked for, as on a disk. */
function withSlowScans(
  store: StateStore,
  scan: (scan: Scan) => Promise<ScanPage> = (asked) => store.scan(asked),
): StateStore {
  const slowScan = async (asked: Scan): Promise<ScanPage> => {
    await quiet()
    return await scan(asked)
  }
  return new Proxy(store, {
    get(target, name) {
      if (name === 'scan') return slowScan
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

describe('query over several nodes', () => {
  it('finds what other nodes hold, also when their stores take a while', async () => {
    const rig = await pairRig({ Player }, 0)
    const first = await rig.join({ wrap: withSlowScans })
    const second = await rig.join({ wrap: withSlowScans })
    for (const member of [first, second]) {
      await first.pool.Player[rig.idAt(member, 'Player')]!.win()
    }
    const before = rig.clock.monotonicMs()
    assert.equal(await first.pool.query(Player).count(), 2, 'each once, though they share a disk')
    assert.equal(rig.clock.monotonicMs(), before, 'nobody had to be asked again')
    rig.close()
  })

  it('fails at once with what asking again would not mend', async () => {
    const rig = await pairRig({ Player }, 1)
    const tooLarge = new EpicError('MessageTooLarge', 'Cannot answer query: too much of it')
    await rig.join({ wrap: (store) => withSlowScans(store, () => Promise.reject(tooLarge)) })
    const asked = rig.members[0]!.pool.query(Player).count()
    await assert.rejects(asked, { code: 'MessageTooLarge', message: tooLarge.message })
    rig.close()
  })

  it('says which node did not answer when it gives up', async () => {
    const rig = await pairRig({ Player }, 1)
    const away = new EpicError('Unavailable', 'Cannot reach the store: its disk is away')
    await rig.join({ wrap: (store) => withSlowScans(store, () => Promise.reject(away)) })
    const asked = rig.members[0]!.pool.query(Player).count()
    const rejected = assert.rejects(asked, (error: EpicError) => {
      assert.equal(error.code, 'Unavailable')
      assert.equal((error.cause as EpicError).message, away.message)
      return true
    })
    await rig.clock.advance(31_000)
    await rejected
    rig.close()
  })
})
