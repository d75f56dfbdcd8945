/** What someone who watches a node is told, and that what they name a call travels with it. */
import assert from 'node:assert/strict'
import { makeEpoch } from '@epicserver/contracts'
import { test } from 'node:test'
import { MemoryStateStore } from '@epicserver/store-memory'
import { createCodec } from '@epicserver/wire'
import { Entity } from '#src/model/entity.ts'
import { EntityNode } from '#src/node/node.ts'
import type { NodeObserver } from '#src/node/observer.ts'
import { CALL_BY_NUMBER, readCall, writeCall } from '#src/cluster/peer-messages.ts'
import { SoloRouter } from '#src/node/solo-router.ts'
import { systemClock } from '#src/node/system-clock.ts'

class Counter extends Entity {
  count = 0
  async add(by: number): Promise<number> {
    this.count += by
    return this.count
  }
}

function nodeWatchedBy(observer: NodeObserver): EntityNode {
  return new EntityNode({
    nodeId: 'n',
    entities: { Counter },
    mode: 'development',
    ports: {
      clock: systemClock,
      random: () => 0.5,
      store: new MemoryStateStore(),
      router: new SoloRouter(),
      files: { perform: () => Promise.reject(new Error('no files here')) },
      log: () => undefined,
      observer,
    },
  })
}

test('observer: a call is told of when it is made, starts, ends, leaves the gate and is settled', async () => {
  const told: string[] = []
  const node = nodeWatchedBy({
    callMade: (call) => void told.push(`made ${call.operation.name}`),
    turnStarted: (call) => void told.push(`started ${call.operation.name}`),
    turnEnded: (call, outcome) =>
      void told.push(`ended ${call.operation.name} ${JSON.stringify(outcome)}`),
    released: (activation) =>
      void told.push(`released from ${activation.id} at version ${activation.version}`),
    callSettled: (call) => void told.push(`settled ${call.operation.name}`),
    submitted: () => undefined,
  })
  const counter = node.ref(Counter, 'a')
  assert.equal(await counter.add(2), 2)
  node.close()
  assert.deepEqual(told, [
    'made add',
    'started @hook',
    'started add',
    'ended add {"value":2}',
    'released from a at version 1',
    'settled add',
  ])
})

test('peer messages: the name that a watcher gave a call travels with it', () => {
  const codec = createCodec({
    purpose: 'message',
    refs: { isRef: () => undefined, createRef: () => undefined },
  })
  const writer = codec.createWriter()
  const call = {
    callId: 7,
    operation: 'add',
    isOneWay: false,
    depth: 1,
    timeLeftMs: 50,
    above: [],
    number: null,
    trace: 'n1:4',
    placeEpoch: makeEpoch(3, 7),
    caller: null,
    args: [2],
  }
  writeCall(writer, { number: 3, type: 'Counter', id: 'a' }, call)
  const reader = codec.createReader()
  reader.reset(writer.take())
  assert.equal(reader.u8(), CALL_BY_NUMBER)
  const callId = reader.varuint()
  assert.equal(reader.varuint(), 3)
  assert.deepEqual(readCall(reader, callId), call)
  assert.equal(reader.failed, false)
})
