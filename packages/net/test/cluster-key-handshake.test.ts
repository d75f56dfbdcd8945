import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { clusterKeyHandshake } from '#src/cluster-key-handshake.ts'
import { ClusterKeyring, createClusterKey } from '#src/cluster-keyring.ts'
import type { Handshake, PeerIdentity, RawChannel } from '#src/handshake.ts'
import type { IdentityOptions } from '#src/identity-message.ts'
import { VirtualClock, promisesGoOn } from './virtual-clock.ts'

const KEY = createClusterKey()
const NODE = { clusterId: 'test', role: 'node' }
const n1 = { ...NODE, nodeId: 'n1' }
const n2 = { ...NODE, nodeId: 'n2', incarnation: 7 }

/** One side of a connection in memory, which keeps what it sent. */
class Side implements RawChannel {
  readonly peer = { transport: 'test', host: 'test' }
  readonly isConnecting: boolean
  readonly sent: Uint8Array[] = []
  binding: Uint8Array = new Uint8Array(0)
  other: Side | undefined
  readonly #arrived: Uint8Array[] = []
  #waiting: ((message: Uint8Array) => void) | undefined

  constructor(isConnecting: boolean) {
    this.isConnecting = isConnecting
  }

  send(message: Uint8Array): void {
    this.sent.push(message)
    this.other?.arrive(message)
  }

  arrive(message: Uint8Array): void {
    if (this.#waiting === undefined) this.#arrived.push(message)
    else this.#waiting(message)
    this.#waiting = undefined
  }

  receive(): Promise<Uint8Array> {
    const message = this.#arrived.shift()
    if (message !== undefined) return Promise.resolve(message)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }
}

function pair(): [connecting: Side, accepting: Side] {
  const sides: [Side, Side] = [new Side(true), new Side(false)]
  sides[0].other = sides[1]
  sides[1].other = sides[0]
  return sides
}

/** An identity, the code of an error, or `waits`. */
type Outcome = PeerIdentity | string

/** What each side comes to; a side that the other left waits for ever. */
async function meet(
  connecting: Handshake,
  accepting: Handshake,
  sides = pair(),
): Promise<[Outcome, Outcome]> {
  const outcomes: [Outcome, Outcome] = ['waits', 'waits']
  for (const [i, handshake] of [connecting, accepting].entries()) {
    void handshake(sides[i as 0 | 1]).then(
      (identity) => (outcomes[i] = identity),
      (error: unknown) => (outcomes[i] = isEpicError(error) ? error.code : String(error)),
    )
  }
  await promisesGoOn()
  return outcomes
}

const handshake = (key: string | ClusterKeyring, self: IdentityOptions): Handshake =>
  clusterKeyHandshake(key, self)

describe('cluster key handshake', () => {
  it('tells both sides who the other is, and by which key', async () => {
    const ring = new ClusterKeyring([createClusterKey(), KEY])
    const [atConnecting, atAccepting] = await meet(handshake(ring, n1), handshake(KEY, n2))
    const keyId = ring.accepted()[1]?.id
    assert.deepEqual(atConnecting, { ...n2, keyId })
    assert.deepEqual(atAccepting, { ...n1, incarnation: 0, keyId })
  })

  it('a wrong key learns one random number, and nothing else (checklist 1)', async () => {
    const sides = pair()
    const outcomes = await meet(handshake(createClusterKey(), n1), handshake(KEY, n2), sides)
    assert.deepEqual(outcomes, ['waits', 'Unauthorized'])
    assert.deepEqual(
      sides[1].sent.map((message) => message.length),
      [32],
      'a nonce',
    )
  })

  it('an impostor that listens gets a proof that is worth nothing, and no name', async () => {
    const sides = pair()
    const connecting = meet(handshake(KEY, n1), handshake(createClusterKey(), n2), sides)
    assert.deepEqual(await connecting, ['waits', 'Unauthorized'])
    assert.deepEqual(
      sides[0].sent.map((message) => message.length),
      [32, 32],
      'a nonce and a proof',
    )
  })

  it('a recording is refused when it is played back (checklist 2)', async () => {
    const sides = pair()
    await meet(handshake(KEY, n1), handshake(KEY, n2), sides)
    const replay = new Side(false)
    const accepting = handshake(KEY, n2)(replay)
    for (const message of sides[0].sent) replay.arrive(message)
    await assert.rejects(accepting, (error) => isEpicError(error) && error.code === 'Unauthorized')
    assert.equal(replay.sent.length, 1, 'it got a nonce and no proof')
  })

  it('our own messages sent back to us are refused (checklist 2)', async () => {
    const mirror = new Side(true)
    mirror.other = mirror
    const outcome = handshake(KEY, n1)(mirror)
    await assert.rejects(outcome, (error) => isEpicError(error) && error.code === 'Unauthorized')
  })

  it('a connection of ours that is led to another of ours proves nothing (checklist 2)', async () => {
    // Both ends of the attacker’s detour are connecting sides; each gets what the other sends.
    const first = new Side(true)
    const second = new Side(true)
    first.other = second
    second.other = first
    const outcomes = await Promise.allSettled([
      handshake(KEY, n1)(first),
      handshake(KEY, n2)(second),
    ])
    for (const outcome of outcomes) assert.equal(outcome.status, 'rejected')
  })

  it('a relay between two encrypted streams is refused: their bindings differ', async () => {
    const sides = pair()
    sides[0].binding = Uint8Array.of(1)
    sides[1].binding = Uint8Array.of(2)
    assert.deepEqual(await meet(handshake(KEY, n1), handshake(KEY, n2), sides), [
      'waits',
      'Unauthorized',
    ])
  })

  it('a name cannot be changed on the way: it is sealed with the key', async () => {
    for (const [who, step] of [
      [0, 2],
      [1, 1],
    ] as const) {
      const sides = pair()
      const side = sides[who]
      const send = side.send.bind(side)
      side.send = (message) => {
        if (side.sent.length === step)
          message[message.length - 4] = (message[message.length - 4] ?? 0) ^ 1
        send(message)
      }
      const outcomes = await meet(handshake(KEY, n1), handshake(KEY, n2), sides)
      assert.equal(outcomes[1 - who], 'Unauthorized')
    }
  })

  it('another cluster with the same key is told so, on both sides (checklist 7)', async () => {
    const other = { ...n2, clusterId: 'other' }
    assert.deepEqual(await meet(handshake(KEY, n1), handshake(KEY, other)), [
      'Incompatible',
      'Incompatible',
    ])
  })

  it('a node that meets itself is refused (checklist 10)', async () => {
    assert.deepEqual(await meet(handshake(KEY, n1), handshake(KEY, n1)), [
      'Incompatible',
      'Incompatible',
    ])
  })

  it('any message in place of the right one is refused, and nothing throws but that (checklist 9)', async () => {
    const lengths = [0, 1, 31, 32, 33, 64, 128, 160, 500]
    for (const first of lengths) {
      for (const second of lengths) {
        const side = new Side(false)
        const outcome = handshake(KEY, n1)(side)
        side.arrive(new Uint8Array(first).fill(1))
        side.arrive(new Uint8Array(second).fill(2))
        await assert.rejects(
          outcome,
          (error) => isEpicError(error) && error.code === 'Unauthorized',
          `${first} ${second}`,
        )
      }
    }
  })

  it('refuses names that are too long for the others', () => {
    assert.throws(
      () => handshake(KEY, { ...n1, nodeId: 'x'.repeat(257) }),
      (error) => isEpicError(error) && error.code === 'SettingsInvalid',
    )
  })
})

describe('cluster keyring', () => {
  it('refuses a key that can be guessed, and makes good ones', () => {
    assert.throws(
      () => new ClusterKeyring('short'),
      (error) => isEpicError(error) && error.code === 'SettingsInvalid',
    )
    assert.notEqual(createClusterKey(), createClusterKey())
    assert.ok(Buffer.from(createClusterKey(), 'base64url').length === 32)
  })

  it('derives keys that say nothing about each other', () => {
    const [key] = new ClusterKeyring(KEY).accepted()
    assert.notDeepEqual(key?.proofKey, key?.tlsKey)
    assert.ok(!KEY.includes(key?.id ?? '?'))
    assert.equal(new ClusterKeyring(KEY).accepted()[0]?.id, key?.id, 'the same on every node')
  })

  it('accepts the old key for a stated time after a rotation, then only the new (checklist 5)', async () => {
    const clock = new VirtualClock()
    const told = new ClusterKeyring(KEY, clock)
    const newKey = createClusterKey()
    told.rotate(newKey, { acceptOldForMs: 1_000 })
    assert.equal(told.describe(), 'cluster key, 2 accepted')
    const isOpen = async (
      a: string | ClusterKeyring,
      b: string | ClusterKeyring,
    ): Promise<boolean> => {
      const [outcome] = await meet(handshake(a, n1), handshake(b, n2))
      return typeof outcome === 'object'
    }
    assert.ok(await isOpen(told, KEY), 'told to untold')
    assert.ok(await isOpen(KEY, told), 'untold to told')
    assert.ok(await isOpen(newKey, told), 'new to told')
    await clock.run(1_000)
    assert.equal(await isOpen(told, KEY), false)
    assert.equal(await isOpen(KEY, told), false)
    assert.ok(await isOpen(newKey, told))
  })

  it('replaced by others, uses the first, accepts all, and forgets those before (checklist 5)', async () => {
    const [oldKey, newKey] = [KEY, createClusterKey()]
    const told = new ClusterKeyring([oldKey, newKey])
    assert.equal(told.accepted()[0]?.id, new ClusterKeyring(oldKey).accepted()[0]?.id)
    told.replace([newKey, oldKey])
    assert.equal(told.accepted()[0]?.id, new ClusterKeyring(newKey).accepted()[0]?.id)
    const isOpen = async (key: string): Promise<boolean> =>
      typeof (await meet(handshake(key, n1), handshake(told, n2)))[0] === 'object'
    assert.deepEqual([await isOpen(oldKey), await isOpen(newKey)], [true, true])
    told.replace([newKey])
    assert.deepEqual([await isOpen(oldKey), await isOpen(newKey)], [false, true])
    for (const keys of [[], ['short'], Array.from({ length: 5 }, createClusterKey)])
      assert.throws(() => told.replace(keys), { code: 'SettingsInvalid' })
    assert.equal(told.describe(), 'cluster key, 1 accepted', 'what is refused changes nothing')
  })

  it('rotating to the key in use changes nothing', () => {
    const keyring = new ClusterKeyring(KEY)
    keyring.rotate(KEY, { acceptOldForMs: 1_000 })
    assert.equal(keyring.accepted().length, 1)
  })
})
