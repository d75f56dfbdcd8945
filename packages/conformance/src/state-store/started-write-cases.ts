/** Conformance of state stores: writes whose outcome is told instead of promised, for those that offer them. */
import assert from 'node:assert/strict'
import { isEpicError } from '@epicserver/contracts'
import type { StateStore, Write } from '@epicserver/contracts'
import { bytesOf, MissingFacility, thing } from './ground.ts'
import type { Ground, StateCases } from './ground.ts'

/** A request, and what came of it. */
interface Asked {
  readonly id: string
  readonly version?: bigint
  readonly write?: Write
}

/** Starts a write; the answer is its version, or the code of the refusal. */
function started(ground: Ground, { id, version = 0n, write }: Asked): Promise<bigint | string> {
  const { store } = ground
  const start = startOf(store)
  return new Promise((resolve, reject) => {
    let hasReturned = false
    const tell = (outcome: bigint | string): void => {
      if (hasReturned) resolve(outcome)
      else reject(new Error(`a write of ${id} was answered before it was started`))
    }
    start({
      ...thing(id),
      epoch: 1n,
      version,
      write: write ?? { bytes: bytesOf(`${id} ${version}`) },
      handleWritten: tell,
      handleFailed: (error) => (isEpicError(error) ? tell(error.code) : reject(error as Error)),
    })
    hasReturned = true
  })
}

function startOf(store: StateStore): NonNullable<StateStore['startWrite']> {
  if (store.startWrite === undefined) throw new MissingFacility('has only writes with a promise')
  return (request) => store.startWrite?.(request)
}

export const startedWriteCases: StateCases = {
  'a started write is durable when it is answered': async (ground) => {
    assert.equal(await started(ground, { id: 'bob' }), 1n)
    assert.equal(await ground.saved(thing('bob')), '1:bob 0')
  },

  'a thousand started together are all answered': async (ground) => {
    const asked = Array.from({ length: 1_000 }, (_, i) => started(ground, { id: `${i}` }))
    assert.deepEqual(new Set(await Promise.all(asked)), new Set([1n]))
    assert.equal((await ground.rows({})).length, 1_000)
  },

  'a started write is refused as another is, and told so later': async (ground) => {
    assert.equal(await started(ground, { id: 'bob', version: 7n }), 'Fenced')
    assert.equal(await started(ground, { id: '' }), 'InvalidId')
    assert.equal(await started(ground, { id: 'bob', version: -1n }), 'SettingsInvalid')
    const tasks = [{ kind: 'clear', key: '' }] as const
    assert.equal(await started(ground, { id: 'bob', write: { tasks } }), 'InvalidId')
    assert.equal(await ground.saved(thing('bob')), null)
  },

  'started writes, writes and removals of one entity take effect in their order': async (
    ground,
  ) => {
    const bob = thing('bob')
    const answers = await Promise.all([
      started(ground, { id: 'bob' }),
      ground.save(bob, 'two', { version: 1n }),
      ground.store.remove(bob, { epoch: 1n, version: 2n }),
      started(ground, { id: 'bob', version: 3n }),
    ])
    assert.deepEqual(answers, [1n, 2n, 3n, 4n])
    assert.equal(await ground.saved(bob), '4:bob 3')
  },

  'a write started at a closed store is unavailable': async (ground) => {
    startOf(ground.store)
    await ground.store.close()
    assert.equal(await started(ground, { id: 'bob' }), 'Unavailable')
  },
}
