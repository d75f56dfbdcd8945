import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MemberInfo } from '@epicserver/fabric'
import { namedMember } from '#src/cluster/named-member.ts'

const members = ['7174a', '7174b', '35'].map((nodeId): MemberInfo => {
  const rest = {
    boot: '',
    zone: '',
    labels: [],
    appVersion: '1',
    weight: 1,
    state: 'active',
  } as const
  return { nodeId, address: nodeId, ...rest }
})

test('a node that is named: by its id, or by a beginning that no other has', () => {
  for (const [name, nodeId] of [
    ['7174a', '7174a'],
    ['3', '35'],
    ['35', '35'],
  ] as const)
    assert.equal(namedMember(name, members).nodeId, nodeId)
})

test('a node that is named: one that is none, or might be several, is not guessed at', () => {
  for (const [name, message] of [
    ['nowhere', 'Cannot find node "nowhere": the nodes are 7174a, 7174b, 35'],
    ['', 'Cannot find node "": the nodes are 7174a, 7174b, 35'],
    ['7174', 'Cannot tell which node "7174" is: so begin 7174a, 7174b'],
  ] as const)
    assert.throws(() => namedMember(name, members), { code: 'NotFound', message })
})
