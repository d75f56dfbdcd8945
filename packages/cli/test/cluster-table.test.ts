import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterStatus, MemberLine, NodeFigures } from '@epicserver/runtime/host'
import {
  headLines,
  NODE_COLUMNS,
  nodeCells,
  nodeRows,
  nodeTable,
  typeCells,
} from '#src/cluster-table.ts'

function member(node: string): MemberLine {
  const info = {
    boot: 'b',
    zone: '',
    labels: [],
    appVersion: '1',
    weight: 1,
    state: 'active',
  } as const
  return { node, address: `[::1]:${node}`, ...info, owns: 1, hasLease: true }
}

function figures(node: string, upMs: number, turns: Readonly<Record<string, number>>): NodeFigures {
  return {
    node,
    pid: Number(node),
    upMs,
    turns,
    ...{ entities: 1, bytes: 1, queued: 0, waiting: 0, timers: 0, cpuMs: 0, busyMs: 0 },
    ...{ rssBytes: 0, messages: 0, movedForLoad: 0, movedForTalk: 0 },
    refused: { unauthorized: 0, incompatible: 0, broken: 0, lost: 0, turnedAway: 0 },
  }
}

function status(nodes: readonly NodeFigures[]): ClusterStatus {
  const members = nodes.map(({ node }) => member(node))
  return {
    engine: { address: 'e', isReachable: true, answerMs: 1, failures: 0 },
    membership: { viewNo: 1, master: null, partitions: 2, ownerless: 0, members },
    nodes,
  }
}

const callsAt = NODE_COLUMNS.indexOf('calls/s')

test('cluster table: calls a second are those since the last look, by node and by type', () => {
  const before = status([figures('1', 1_000, { Room: 100 }), figures('2', 1_000, { Room: 50 })])
  const now = status([
    figures('1', 3_000, { Room: 300, Player: 20 }),
    figures('2', 3_000, { Room: 50, Player: 8 }),
  ])
  const rows = nodeRows(now, before)
  assert.deepEqual(
    rows.map((row) => nodeCells(row)[callsAt]),
    [110, 4],
  )
  assert.deepEqual(typeCells(rows), [
    ['Room', 100],
    ['Player', 14],
  ])
})

test('cluster table: at the first look, and for a process that is new, calls are those since its start', () => {
  const old = { ...figures('1', 9_000, { Room: 9_000 }), pid: 7 }
  const now = status([figures('1', 2_000, { Room: 60 })])
  for (const before of [undefined, status([old])])
    assert.deepEqual(typeCells(nodeRows(now, before)), [['Room', 30]])
})

test('cluster table: a node that says nothing has a line, and no figures', () => {
  const silent = { ...status([figures('1', 1, {})]), nodes: [] }
  const [cells] = nodeRows(silent).map((row) => nodeCells(row))
  assert.equal(cells?.length, NODE_COLUMNS.length)
  assert.equal(cells[callsAt], '-')
})

test('cluster table: a machine whose own nodes do not serve says so, and not that others are silent', () => {
  const silent = { ...status([figures('1', 1, {}), figures('2', 1, {})]), nodes: [] }
  assert.deepEqual(headLines(silent).slice(2), [
    '! no node of this machine serves just now, so none could be asked',
  ])
  const one = status([figures('1', 1, {}), figures('2', 1, {})])
  assert.deepEqual(headLines({ ...one, nodes: one.nodes.slice(0, 1) }).slice(2), [
    '! node 2 does not answer',
  ])
})

test('cluster table: who was refused where machines ask to join is counted, by why', () => {
  const none = { unauthorized: 0, incompatible: 0, broken: 0, lost: 0, turnedAway: 0 }
  const asked = (refused: typeof none): string[] =>
    headLines({ ...status([figures('1', 1, {})]), desk: { address: '[::]:3030', refused } }).slice(
      2,
    )
  assert.deepEqual(asked(none), [])
  assert.deepEqual(asked({ ...none, unauthorized: 4, incompatible: 2 }), [
    'refused at [::]:3030, where machines ask to join: 4 without the key, 2 of another cluster or version',
  ])
})

test('cluster table: a narrow terminal is shown what tells most of how nodes are doing', () => {
  const now = status([figures('7174a1ffb4588731', 1_000, { Room: 100 })])
  const wide = nodeTable(nodeRows(now))
  assert.equal(wide[0]?.split(/ {2,}/).length, NODE_COLUMNS.length)
  const narrow = nodeTable(nodeRows(now), 80)
  assert.ok(narrow.every((line) => line.length <= 80))
  for (const name of ['node', 'state', 'owns', 'entities', 'calls/s', 'cpu %'])
    assert.ok(narrow[0]?.includes(name), name)
})
