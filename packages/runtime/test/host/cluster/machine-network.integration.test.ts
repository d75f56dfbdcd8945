import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createClusterKey, type Versions } from '@epicserver/net'
import type { PeerChannel, PeerChannelEvents } from '#src/cluster/peer-network.ts'
import { knock } from '#src/host/cluster/knock.ts'
import { machineRoute, trustOf } from '#src/host/cluster/node-routes.ts'
import { SocketNetwork } from '#src/host/socket-network.ts'
import { createLog } from '#src/log.ts'

const KEY = createClusterKey()

interface Node {
  readonly network: SocketNetwork
  readonly address: string
  /** Resolves when a line of its log matches, printed already or not. */
  readonly says: (pattern: RegExp) => Promise<void>
  readonly accepted: string[]
  /** Whose channels are to be replaced. */
  readonly stale: string[]
  /** Has these keys count, and no others. */
  readonly replaceKeys: (keys: readonly string[]) => void
}

interface NodeOptions {
  readonly id: string
  readonly key?: string
  readonly clusterId?: string
  readonly versions?: Versions
  readonly compatibility?: string
}

/** A node's network over tcp, as `epic run` makes it in a cluster. */
async function node(
  t: TestContext,
  { id, key = KEY, clusterId = 'c', versions, compatibility = 'same' }: NodeOptions,
): Promise<Node> {
  const lines: string[] = []
  const looks = new Set<() => void>()
  const log = createLog((_level, message, facts) => {
    const { error } = facts
    lines.push(error instanceof Error ? `${message} ${error.message}` : message)
    for (const look of looks) look()
  })
  const says = (pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (lines.some((line) => pattern.test(line))) resolve()
      }
      looks.add(look)
      look()
    })
  const secrets = { clusterKey: key }
  const trust = trustOf(secrets)
  const route = machineRoute({ clusterId, secrets, trust, listenAt: '[::1]:0', log })
  const options = { routes: [route], compatibility, log, ...(versions && { versions }) }
  const network = await SocketNetwork.listen(options)
  t.after(() => network.close())
  network.identify(id)
  const accepted: string[] = []
  const stale: string[] = []
  network.listen((from) => {
    accepted.push(from)
    const onStale = (): void => void stale.push(`from ${from}`)
    return { onBatch: () => undefined, onClose: () => undefined, onStale }
  })
  const replaceKeys = (keys: readonly string[]): void => {
    trust.keyring?.replace(keys)
    network.handleKeysReplaced()
  }
  const address = `${network.addresses[0]}/none.sock`
  return { network, address, says, accepted, stale, replaceKeys }
}

/** Resolves with why there is no channel, or with nothing when there is. */
function reach(from: Node, to: Node, id: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const events: PeerChannelEvents = {
      onOpen: () => resolve(undefined),
      onBatch: () => undefined,
      onClose: resolve,
      onStale: () => from.stale.push(`to ${id}`),
    }
    const channel: PeerChannel = from.network.open(id, to.address, events)
    channel.send('normal', new Uint8Array(1))
  })
}

test('machine network: nodes with one key reach each other, and nobody else does', async (t) => {
  const [a, b] = [await node(t, { id: 'a' }), await node(t, { id: 'b' })]
  assert.equal(await reach(a, b, 'b'), undefined)
  const stranger = await node(t, { id: 'c', key: createClusterKey() })
  assert.equal(await reach(stranger, b, 'b'), 'it cannot be reached')
  assert.deepEqual(b.accepted, ['a'])
  assert.equal(b.network.refused, 1)
  assert.equal(await reach(a, b, 'b'), undefined, 'and the node goes on')
})

test('machine network: both ends of a channel that stands on a key which counts no more hear of it', async (t) => {
  const [a, b] = [await node(t, { id: 'a' }), await node(t, { id: 'b' })]
  assert.equal(await reach(a, b, 'b'), undefined)
  const next = createClusterKey()
  for (const each of [a, b]) each.replaceKeys([next, KEY])
  assert.equal(await reach(b, a, 'a'), undefined)
  assert.deepEqual([...a.stale, ...b.stale], [], 'the old key still counts')
  for (const each of [a, b]) each.replaceKeys([next])
  assert.deepEqual(
    [a.stale, b.stale],
    [['to b'], ['from a']],
    'the newer channel stands on the new key',
  )
})

test('machine network: versions next to each other meet, further apart they say which they are', async (t) => {
  const old = await node(t, { id: 'old', versions: { newest: 1, oldest: 1 } })
  const next = await node(t, { id: 'next', versions: { newest: 2, oldest: 1 } })
  const newest = await node(t, { id: 'newest', versions: { newest: 3, oldest: 2 } })
  assert.equal(await reach(old, next, 'next'), undefined)
  assert.equal(await reach(next, newest, 'newest'), undefined)
  assert.equal(await reach(newest, old, 'old'), 'it cannot be reached')
  const reason = /one side speaks version (1|2 to 3) of the messages, the other (1|2 to 3)/
  await Promise.all([old.says(reason), newest.says(reason)])
})

test('machine network: of two nodes with one identity none is let in by the other, nor mistaken for it', async (t) => {
  const [a, twin, b] = [
    await node(t, { id: 'a' }),
    await node(t, { id: 'a' }),
    await node(t, { id: 'b' }),
  ]
  assert.equal(await reach(a, twin, 'a'), 'it cannot be reached')
  await twin.says(/both sides are node "a"/)
  assert.equal(await reach(b, a, 'x'), 'another node answers at its address')
})

test('knock: who would fit hears nothing bad, who would not hears what; nobody at home is said', async (t) => {
  const home = await node(t, { id: 'a' })
  const target = home.address.split('/', 1)[0] ?? ''
  const log = createLog(() => undefined)
  const as = (clusterId: string, compatibility: string, key = KEY) => ({
    clusterId,
    host: '::1',
    compatibility,
    secrets: { clusterKey: key },
    log,
  })
  await knock([target, '[::1]:1'], as('c', 'same'))
  assert.deepEqual(home.accepted, [], 'a knock is no node')
  const table = [
    [as('d', 'same'), 'Incompatible', /the cluster is/],
    [as('c', 'other'), 'Incompatible', /the compatibility is "(same|other)"/],
    [as('c', 'same', createClusterKey()), 'Unauthorized', /did not prove/],
  ] as const
  for (const [options, code, message] of table)
    await assert.rejects(knock([target], options), { code, message })
  await assert.rejects(knock(['[::1]:1'], as('c', 'same')), {
    code: 'Unavailable',
    message: /of its 1 living nodes none can be reached from here/,
  })
})

test('knock: a machine on loopback joins nobody who is elsewhere, since they would dial themselves', async () => {
  const options = {
    clusterId: 'c',
    compatibility: 'same',
    secrets: { clusterKey: KEY },
    log: createLog(() => undefined),
  }
  await assert.rejects(knock(['[::1]:1', '[fd00::7]:3031'], { ...options, host: '127.0.0.1' }), {
    code: 'SettingsInvalid',
    message:
      /a node at \[fd00::7\]:3031.*this machine at 127\.0\.0\.1, which is loopback.*--listen \[::\]:3030/,
  })
})
