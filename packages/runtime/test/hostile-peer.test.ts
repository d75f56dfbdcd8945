/** A node that holds the cluster's key and is no member: whatever it sends, and however much of it, changes nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type Ref } from '@epicserver/runtime'
import { pairRig, type MemoryNetwork, type PairRig } from './pair-rig.ts'
import { quiet } from './rig.ts'

class Vault extends Entity {
  static override settings = settings<Vault>({
    operations: { tell: { oneWay: true }, putOnce: { idempotent: true } },
  })
  /** Turns of all vaults: what reaches an entity runs. */
  static turns = 0
  held: unknown[] = []
  async put(what: unknown): Promise<number> {
    Vault.turns += 1
    return this.held.push(what)
  }
  async putOnce(what: unknown): Promise<number> {
    Vault.turns += 1
    return this.held.push(what)
  }
  tell(what: unknown): void {
    Vault.turns += 1
    this.held.push(what)
  }
  async pass(there: Ref<Vault>, what: unknown): Promise<number> {
    Vault.turns += 1
    return await there.put(what)
  }
  async fail(): Promise<void> {
    Vault.turns += 1
    throw new RangeError('out of reach')
  }
}

/** Whole numbers from 0 up to a bound, the same in each run (a linear congruential generator). */
class Dice {
  #state = 7

  below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 0x1_0000_0000) * bound)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }
}

const BATCHES = 20_000
const NOISE_BYTES_MAX = 60

/** What two members say to each other: calls of all kinds, results, errors, and the fabric's own. */
async function recordConversation(rig: PairRig<{ Vault: typeof Vault }>): Promise<Uint8Array[]> {
  const [first, second] = rig.members
  const said: Uint8Array[] = []
  rig.network.filter = ({ bytes }) => {
    said.push(bytes.slice())
    return true
  }
  const [here, there] = [rig.idAt(first!, 'Vault'), rig.idAt(second!, 'Vault')]
  await first!.pool.Vault[there]!.put({ deep: [1, { map: new Map([['a', 1n]]) }] })
  await first!.pool.Vault[there]!.putOnce('once')
  first!.pool.Vault[there]!.tell(new Date(0))
  await second!.pool.Vault[here]!.pass(second!.pool.Vault[there]!, new Uint8Array(40))
  await assert.rejects(first!.pool.Vault[there]!.fail(), { name: 'RangeError' })
  await rig.join()
  rig.network.filter = () => true
  return said
}

/** Something that is nearly one of the batches. */
function spoil(said: readonly Uint8Array[], dice: Dice): Uint8Array {
  const batch = Buffer.from(dice.pick(said))
  const at = dice.below(batch.length + 1)
  const noise = Buffer.from(
    Array.from({ length: 1 + dice.below(NOISE_BYTES_MAX) }, () => dice.below(256)),
  )
  switch (dice.below(6)) {
    case 0:
      return batch.subarray(0, at)
    case 1:
      return Buffer.concat([batch.subarray(0, at), noise, batch.subarray(at)])
    case 2:
      return Buffer.concat([batch.subarray(0, at), Buffer.from(dice.pick(said)).subarray(at)])
    case 3:
      return noise
    case 4:
      return batch
    default:
      for (let flips = 1 + dice.below(4); flips > 0; flips -= 1) {
        const i = dice.below(batch.length)
        batch[i] = (batch[i] ?? 0) ^ (1 << dice.below(8))
      }
      return batch
  }
}

/** Sends what was spoiled, on a new channel whenever the last was ended; returns how many were. */
async function send(
  network: MemoryNetwork,
  to: string,
  batches: Iterable<Uint8Array>,
): Promise<number> {
  let ended = 0
  let stranger = network.stranger('intruder', to)
  await quiet()
  for (const bytes of batches) {
    stranger.channel.send('normal', bytes)
    await new Promise((resolve) => setImmediate(resolve))
    if (!stranger.isClosed) continue
    ended += 1
    stranger = network.stranger('intruder', to)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return ended
}

describe('a node that is no member', () => {
  it(`says ${BATCHES} things that are nearly right: none reaches an entity, and calls go on`, async () => {
    const rig = await pairRig({ Vault })
    const said = await recordConversation(rig)
    const [first, second] = rig.members
    const before = Vault.turns
    const dice = new Dice()
    const spoilt = Array.from({ length: BATCHES }, () => spoil(said, dice))
    const ended = await send(rig.network, first!.node.nodeId, spoilt)
    assert.equal(Vault.turns, before)
    assert.ok(ended > BATCHES / 4, 'channels of those who send what does not decode are ended')
    assert.deepEqual(
      rig.members.map(({ fenced }) => fenced),
      [undefined, undefined, undefined],
    )
    const errors = rig.members.flatMap(({ log }) => log.filter(({ level }) => level === 'error'))
    assert.deepEqual(errors, [])
    const [here, there] = [rig.idAt(first!, 'Vault', 1), rig.idAt(second!, 'Vault', 1)]
    assert.equal(await second!.pool.Vault[here]!.put('still'), 1)
    assert.equal(await first!.pool.Vault[there]!.put('still'), 1)
    rig.close()
  })
})
